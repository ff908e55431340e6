import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { isAddressedHere, isFromHere } from '../../../src/inspect/loopback.js';

const asking = (host: string | undefined, origin?: string) => ({ headers: { host, origin } }) as IncomingMessage;

test.each([
  ['127.0.0.1:9090', undefined],
  ['localhost:9090', undefined],
  ['[::1]:9090', undefined],
  ['10.1.2.3:9090', undefined],
  ['127.0.0.1:9090', 'http://127.0.0.1:9090'],
])('whoever asks %s, from %s, is answered', (host, origin) => {
  expect(isAddressedHere(asking(host, origin))).toBe(true);
});

test.each([
  ['a name of a stranger’s that leads here', 'evil.example:9090', undefined],
  ['a name that looks like an address', '127.0.0.1.evil.example', undefined],
  ['a page of another origin', '127.0.0.1:9090', 'https://evil.example'],
  ['a page on another port of this machine', '127.0.0.1:9090', 'http://127.0.0.1:3000'],
  ['a page without an origin', '127.0.0.1:9090', 'null'],
  ['no host at all', undefined, undefined],
  ['an empty host', '', undefined],
])('%s isn’t', (_, host, origin) => {
  expect(isAddressedHere(asking(host, origin))).toBe(false);
});

test('a WebSocket may be opened by a program, and by pages of this machine', () => {
  expect(isFromHere(asking('127.0.0.1:8080'))).toBe(true);
  expect(isFromHere(asking('127.0.0.1:8080', 'http://localhost:5173'))).toBe(true);
  expect(isFromHere(asking('localhost:8080', 'http://[::1]:5173'))).toBe(true);
  expect(isFromHere(asking('127.0.0.1:8080', 'https://evil.example'))).toBe(false);
  expect(isFromHere(asking('127.0.0.1:8080', 'http://127.0.0.1.evil.example'))).toBe(false);
  expect(isFromHere(asking('evil.example:8080'))).toBe(false);
});
