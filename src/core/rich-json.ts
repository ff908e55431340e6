/**
 * What JSON can't hold, as JSON: devalue, where it keeps its word, and our own encoding of bytes, where it would
 * store more than the value.
 */
import { parse, stringify } from 'devalue';

/** Throws on functions, symbols and instances of classes. */
export function stringifyRich(value: unknown): string {
  return escapeSurrogates(stringify(value, encoders));
}

export function parseRich(json: string): unknown {
  return parse(json, decoders);
}

const VIEWS = {
  Buffer,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
} as const;

const encoders = {
  // devalue would store the whole memory behind a view, and of a Buffer that is a pool with other people's bytes.
  View(value: unknown) {
    if (!ArrayBuffer.isView(value)) return false;
    const name = Object.entries(VIEWS).find(([, type]) => Object.getPrototypeOf(value) === type.prototype)?.[0];
    if (name === undefined) throw new TypeError(`Cannot stringify a ${value.constructor.name}`);
    return [name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')];
  },
  // Never encodes anything: devalue would quietly make a plain Map of an instance of a class that extends it.
  Subclass(value: unknown) {
    if (typeof value !== 'object' || value === null || !isSubclass(value)) return false;
    throw new TypeError(`Cannot stringify a ${value.constructor.name}, whose class extends a built-in one`);
  },
};

const decoders = {
  View([name, base64]: [keyof typeof VIEWS, string]) {
    const bytes = Buffer.from(base64, 'base64');
    // A copy at the start of its own memory: most views must begin at a multiple of their element's size.
    return name === 'Buffer' ? bytes : new (VIEWS[name] as Uint8ArrayConstructor)(new Uint8Array(bytes).buffer);
  },
};

const BUILT_IN = /^\[object (Array|Date|Map|Set|RegExp|URL|URLSearchParams)\]$/;

function isSubclass(value: object): boolean {
  if (!BUILT_IN.test(Object.prototype.toString.call(value))) return false;
  // An instance of the class itself has two prototypes, the class's and Object's, in whatever realm.
  const parent = Object.getPrototypeOf(Object.getPrototypeOf(value));
  return parent !== null && Object.getPrototypeOf(parent) !== null;
}

/** Half a surrogate pair has no UTF-8; as an escape it survives. */
function escapeSurrogates(json: string): string {
  if (json.isWellFormed()) return json;
  return json.replace(/\p{Surrogate}/gu, (half) => `\\u${half.charCodeAt(0).toString(16)}`);
}
