/**
 * A codec that encrypts: AES-256-GCM around another codec. New values are written with the newest key; whatever an
 * older one wrote is read as long as that key is still given.
 *
 * A value is stored as: the format (1 byte) · the length of the key's id (1) · the id · the nonce (12) · the tag (16) ·
 * what the inner codec made, encrypted. What comes before the nonce is authenticated too.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const FORMAT = 1;
const NONCE = 12;
const TAG = 16;

/**
 * @param {import('batonmq').Codec} inner turns values into bytes and back: batonmq's jsonCodec, say
 * @param {readonly { readonly id: string, readonly key: Uint8Array }[]} keys of 32 bytes, the newest first; an id is
 *   stored with every value that its key wrote, is no secret, and is never given to another key
 * @returns {import('batonmq').Codec}
 */
export function encrypted(inner, keys) {
  for (const { id, key } of keys) check(id, key);
  const [newest] = keys;
  if (newest === undefined) throw new RangeError('a codec that encrypts needs a key');
  const byId = new Map(keys.map(({ id, key }) => [id, key]));
  if (byId.size < keys.length) throw new RangeError('two keys have the same id');
  return {
    encode: (value) => seal(newest, inner.encode(value)),
    decode: (bytes) => inner.decode(open(byId, bytes)),
  };
}

function seal({ id, key }, plain) {
  const head = Buffer.concat([Buffer.from([FORMAT, Buffer.byteLength(id)]), Buffer.from(id)]);
  // Random nonces of 12 bytes are safe for about 2^32 values of one key: take a new key long before.
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(head);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([head, nonce, cipher.getAuthTag(), sealed]);
}

function open(keys, bytes) {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (all[0] !== FORMAT) throw new Error('it was not written by this codec');
  const head = all.subarray(0, 2 + (all[1] ?? 0));
  const id = head.subarray(2).toString();
  const key = keys.get(id);
  if (key === undefined) throw new Error(`it was written with key ${JSON.stringify(id)}, which is not given`);
  const nonce = all.subarray(head.length, head.length + NONCE);
  const sealed = all.subarray(head.length + NONCE + TAG);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG }).setAAD(head);
  decipher.setAuthTag(all.subarray(head.length + NONCE, head.length + NONCE + TAG));
  // final() throws where a single bit is another than it was: key, head and value are all under the tag.
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}

function check(id, key) {
  if (!/^[\x21-\x7e]{1,255}$/.test(id)) throw new RangeError('the id of a key is 1 to 255 printable characters');
  if (!(key instanceof Uint8Array) || key.byteLength !== 32) throw new RangeError(`key ${id} must have 32 bytes`);
}
