/** How a command ends, and what it says when it doesn't end well. */
import { CommanderError } from 'commander';
import { WorkflowNotFoundError } from '../client/definitions.js';
import {
  CodecError,
  ConfigError,
  ConnectionError,
  DefinitionMismatchError,
  InvalidDefinitionError,
  InvalidDurationError,
  PayloadTooLargeError,
  RunExistsError,
  RunNotFailedError,
  RunNotFoundError,
  RunTerminalError,
  ValidationError,
} from '../core/errors.js';
import { FolderInUseError } from '../store/pglite/folder-lock.js';
import { printable } from './text-width.js';

export const OK = 0;
/** The run failed or was cancelled, the worker ended in error, or something went wrong that nobody foresaw. */
export const FAILED = 1;
export const USAGE = 2;
const NO_CONNECTION = 3;
const NOT_FOUND = 4;
const REFUSED = 5;

/** The command line, or what it names, is wrong. */
export class UsageError extends Error {}

/** It can't be done as things are; asking again later, or elsewhere, may help. */
export class RefusedError extends Error {}

const CODES = new Map<number, readonly (new (...args: never[]) => Error)[]>([
  [
    USAGE,
    [
      UsageError,
      ConfigError,
      InvalidDefinitionError,
      InvalidDurationError,
      ValidationError,
      CodecError,
      PayloadTooLargeError,
      DefinitionMismatchError,
    ],
  ],
  [NO_CONNECTION, [ConnectionError]],
  [NOT_FOUND, [RunNotFoundError, WorkflowNotFoundError]],
  [REFUSED, [RefusedError, RunTerminalError, RunNotFailedError, RunExistsError, FolderInUseError]],
]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
  for (const [code, types] of CODES) if (types.some((type) => error instanceof type)) return code;
  return FAILED;
}

/** One line for people; with `verbose` the stack and every cause. Undefined where the help was shown instead. */
export function explain(error: unknown, verbose: boolean): string | undefined {
  if (error instanceof CommanderError) return usage(error);
  if (verbose) return `baton: ${error instanceof Error ? withCauses(error) : String(error)}`;
  const message = error instanceof Error ? error.message || error.name : String(error);
  return `baton: ${printable(message.replace(/\s*\n\s*/g, ' '))}`;
}

function usage({ code, message }: CommanderError): string | undefined {
  if (code === 'commander.help') return undefined;
  return `baton: ${message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ')}; see baton --help`;
}

function withCauses(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\ncaused by: ${withCauses(error.cause)}` : own;
}
