/** Errors as they are stored and shown: plain data that Postgres takes, however odd the error was. */
import { types } from 'node:util';
import type { SerializedError } from './model.js';

const DEEPEST = 8;
const LONGEST = 8_192;

/** Whatever was thrown, as plain data. Never throws. */
export function serializeError(thrown: unknown, depth = 0): SerializedError {
  if (!isError(thrown)) return { name: 'Error', message: text(describe(thrown)) };
  const stack = read(thrown, 'stack');
  const code = read(thrown, 'code');
  const cause = read(thrown, 'cause') ?? firstOf(thrown);
  return {
    name: text(read(thrown, 'name') ?? 'Error'),
    message: text(read(thrown, 'message') ?? "an error whose message can't be read"),
    ...(typeof stack === 'string' ? { stack: text(stack) } : {}),
    ...(typeof code === 'string' ? { code: text(code) } : {}),
    ...(cause !== undefined && depth + 1 < DEEPEST ? { cause: serializeError(cause, depth + 1) } : {}),
  };
}

/** An Error with the original's name, message, stack, code and cause. */
export function deserializeError({ name, message, stack, code, cause }: SerializedError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: deserializeError(cause) });
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}

/** A URL as it may be shown: without user and password, and without its query, which can hold them too. */
export function redact(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname === '/' ? '' : pathname}`;
  } catch {
    // Not a URL, so nothing tells which part of it is the secret.
    return '(an unreadable URL)';
  }
}

/** Errors of other realms and libraries too: whatever says what went wrong. */
function isError(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return typeof read(thrown, 'message') === 'string' || types.isNativeError(thrown);
}

/** Several errors at once often say nothing together. */
function firstOf(error: object): unknown {
  const errors = read(error, 'errors');
  return typeof errors === 'object' && errors !== null ? read(errors, '0') : undefined;
}

/** Undefined where the reading itself throws, as getters and proxies may. */
function read(error: object, key: string): unknown {
  try {
    return (error as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function describe(value: unknown): string {
  try {
    return typeof value === 'object' ? (JSON.stringify(value) ?? 'undefined') : String(value);
  } catch {
    return `a thrown ${typeof value} that can't be shown`;
  }
}

// Postgres refuses U+0000 in text, and half a surrogate pair in any encoding.
function text(value: unknown): string {
  const string = typeof value === 'string' ? value : describe(value);
  return string.slice(0, LONGEST).toWellFormed().replaceAll('\u0000', '\uFFFD');
}
