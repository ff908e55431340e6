/**
 * From values to bytes and back, without loss. Plain JSON where that is enough; where it isn't (dates, bytes,
 * bigints, maps, sets, undefined, -0, NaN …) a marker stands in front, and devalue carries the rest.
 */
import { CodecError, PayloadTooLargeError } from './errors.js';
import { parseRich, stringifyRich } from './rich-json.js';

/**
 * Turns values into bytes and back: inputs, outputs, signals, map elements. `decode(encode(v))` must equal `v`;
 * what can't be encoded must throw, which fails the run with a CodecError.
 */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

const RICH = '~';
const RICH_BYTE = RICH.charCodeAt(0);
/** Plain values nest no deeper; devalue takes the others, cycles among them. */
const DEEPEST_PLAIN = 100;
/** Nor do they hold more objects: a small graph of shared objects may have endlessly many ways through it. */
const MOST_OBJECTS = 1_000_000;

/**
 * The default codec: JSON, and lossless for `Date`, `Uint8Array`, `Buffer`, `undefined`, `BigInt`, `Map`, `Set`,
 * `RegExp`, `URL`, `-0`, `NaN`, infinities, sparse arrays and cycles. Functions, symbols and instances of classes
 * are refused, those with a `toJSON` too, since they would come back as something else: return their data instead.
 * Of arrays the elements are kept, not other properties.
 */
export const jsonCodec: Codec = {
  encode(value) {
    if (isPlain(value, 0, { objects: 0 })) return Buffer.from(JSON.stringify(value));
    try {
      return Buffer.from(RICH + stringifyRich(value));
    } catch (cause) {
      const at = cause instanceof Error && 'path' in cause && cause.path ? ` at value${String(cause.path)}` : '';
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CodecError(`${why}${at}; use plain data, dates, bytes, bigints, maps and sets`, { cause });
    }
  },
  decode(bytes) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
    return bytes[0] === RICH_BYTE ? parseRich(text.slice(1)) : JSON.parse(text);
  },
};

/** Whether JSON alone keeps the value as it is. */
function isPlain(value: unknown, depth: number, seen: { objects: number }): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return (
        value === null ||
        (depth < DEEPEST_PLAIN && ++seen.objects <= MOST_OBJECTS && isPlainObject(value, depth + 1, seen))
      );
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number, seen: { objects: number }): boolean {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) {
    const list = value as unknown[];
    for (let i = 0; i < list.length; i++) if (!isPlain(list[i], depth, seen)) return false;
    return true;
  }
  // Its own `toJSON` would be a function, which isn't plain.
  if (prototype !== Object.prototype) return false;
  for (const key in value) if (!isPlain((value as Record<string, unknown>)[key], depth, seen)) return false;
  return Object.getOwnPropertySymbols(value).length === 0;
}

/**
 * Encodes what is about to be stored; `where` names it in errors ("output of task charge").
 * Throws a CodecError where the codec can't, a PayloadTooLargeError over `limit` bytes.
 */
export function encodePayload(
  codec: Codec,
  value: unknown,
  { where, limit }: { readonly where: string; readonly limit: number },
): Uint8Array {
  const bytes = guarded(() => codec.encode(value), `the ${where} can't be stored`);
  if (!(bytes instanceof Uint8Array))
    throw new CodecError(`the ${where} can't be stored: the codec's encode() must return a Uint8Array`);
  if (bytes.byteLength > limit) throw new PayloadTooLargeError(where, bytes.byteLength, limit);
  return bytes;
}

/** Decodes what was stored. Throws a CodecError where the codec can't: another codec wrote it. */
export function decodePayload(codec: Codec, bytes: Uint8Array, where: string): unknown {
  return guarded(() => codec.decode(bytes), `the ${where} can't be read; was it written by another codec?`);
}

function guarded<T>(work: () => T, what: string): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CodecError(`${what}: ${why}`, { cause });
  }
}
