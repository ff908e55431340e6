/** Values as JSON text for people and scripts: richer ones in the nearest form that JSON has. */

/** One line; `undefined` is null. */
export function jsonLine(value: unknown): string {
  return text(value);
}

/** Indented. */
export function jsonBlock(value: unknown): string {
  return text(value, 2);
}

function text(value: unknown, indent?: number): string {
  const above: object[] = [];
  const json = JSON.stringify(
    value,
    function (this: unknown, key, given) {
      // What toJSON made of it is in `given`; the value itself is in its holder.
      const original = (this as Record<string, unknown>)[key];
      const plain = toPlain(original, given);
      if (typeof plain !== 'object' || plain === null) return plain;
      while (above.length > 0 && above.at(-1) !== this) above.pop();
      if (above.includes(plain)) return '(circular)';
      above.push(plain);
      return plain;
    },
    indent,
  );
  return json ?? 'null';
}

function toPlain(original: unknown, given: unknown): unknown {
  if (typeof original === 'bigint') return original.toString();
  if (typeof original === 'number' && !Number.isFinite(original)) return String(original);
  if (original instanceof Uint8Array) return Buffer.from(original).toString('base64');
  if (original instanceof Set) return [...original];
  if (original instanceof Map) return [...original];
  if (original instanceof RegExp) return String(original);
  return given;
}
