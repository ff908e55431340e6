import { expect, test } from 'vitest';
import { type HttpOptions, parseHttp } from '../../../../src/runtime/http/http-options.js';

test.each<[string, HttpOptions]>([
  [':9090', { port: 9090 }],
  ['9090', { port: 9090 }],
  ['0', { port: 0 }],
  ['0.0.0.0:9090', { host: '0.0.0.0', port: 9090 }],
  ['worker-1.local:80', { host: 'worker-1.local', port: 80 }],
  ['[::1]:9090', { host: '::1', port: 9090 }],
])('%s is an address', (given, address) => {
  expect(parseHttp(given)).toEqual(address);
});

test.each(['', ':', 'host', 'host:', ':65536', ':-1', ':80x', '::1:80', 'http://h:80', 'h:8 0'])(
  '%j is none, and what one looks like is said',
  (given) => {
    expect(() => parseHttp(given)).toThrow('give :9090, 9090 or host:9090');
  },
);
