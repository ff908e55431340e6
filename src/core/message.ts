/** What travels through the broker: the names of its queues, and the bytes of its messages. */
import { createHash } from 'node:crypto';
import { BatonError } from './errors.js';
import { DEFAULT_PRIORITY, type Message, type QueueSpec } from './model.js';

/** Raised when the format changes; a worker parks the messages of versions that it doesn't know. */
const VERSION = 1;

/** The bytes are no message of this version: whoever reads them parks them, for nothing else can be done. */
export class UnreadableMessageError extends BatonError {
  constructor(
    /** What is wrong with it, for the header of the parked message. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('UNREADABLE_MESSAGE', `not a message that this version of Baton can read: ${reason}`, options);
  }
}

/**
 * `baton.<namespace>.<workflow>@<hash16>[.t<hash8 of the tags>][.p<priority>]`, at most 178 bytes. Names that break
 * the rules for names stand as a hash of theirs, so that whatever the spec the name is valid and no two share one.
 */
export function queueName(namespace: string, spec: QueueSpec): string {
  const { workflow, hash, tags, priority } = spec;
  const structure = `baton.${namePart(namespace)}.${namePart(workflow)}@${namePart(hash.slice(0, 16))}`;
  const tagged = tags.length === 0 ? structure : `${structure}.t${tagsHash(tags)}`;
  return priority === DEFAULT_PRIORITY ? tagged : `${tagged}.p${priority}`;
}

/** Names are 1–64 of these characters; checked where they are given, and here only trusted as far as needed. */
export function namePart(name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : `~${sha256(name).slice(0, 32)}`;
}

function tagsHash(tags: readonly string[]): string {
  return sha256(JSON.stringify([...new Set(tags)].sort())).slice(0, 8);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function encodeMessage({ run, path, readyAt, publishedAt, losses, traceparent }: Message): Buffer {
  return Buffer.from(JSON.stringify({ v: VERSION, run, path, readyAt, publishedAt, losses, traceparent }));
}

/** Throws an UnreadableMessageError. What it returns can be bound to a statement without failing its batch. */
export function decodeMessage(bytes: Uint8Array): Message {
  const fields = parse(bytes);
  if (fields.v !== VERSION)
    throw new UnreadableMessageError(`version ${JSON.stringify(fields.v)} instead of ${VERSION}`);
  const { run, path, readyAt, publishedAt, losses, traceparent } = fields;
  if (!isKey(run)) throw wrong('run', 'the key of a run');
  if (!isPath(path)) throw wrong('path', 'a path');
  if (!isInstant(readyAt)) throw wrong('readyAt', 'milliseconds since the epoch');
  if (!isInstant(publishedAt)) throw wrong('publishedAt', 'milliseconds since the epoch');
  if (!Number.isSafeInteger(losses) || (losses as number) < 0) throw wrong('losses', 'a count');
  const message = { run, path, readyAt, publishedAt, losses: losses as number };
  if (traceparent === undefined) return message;
  if (typeof traceparent !== 'string') throw wrong('traceparent', 'a string');
  return { ...message, traceparent };
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UnreadableMessageError('not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UnreadableMessageError('not a JSON object');
  }
  return value as Record<string, unknown>;
}

function wrong(field: string, expected: string): UnreadableMessageError {
  return new UnreadableMessageError(`${field} isn't ${expected}`);
}

const LARGEST_KEY = 2n ** 63n - 1n;

// Eighteen digits always fit into a bigint of Postgres; nineteen are compared.
function isKey(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{1,19}$/.test(value)) return false;
  return value.length < 19 || BigInt(value) <= LARGEST_KEY;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && /^(?:\/b?\d+|#\d+)+$/.test(value);
}

function isInstant(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
