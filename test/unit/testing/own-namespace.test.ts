import { expect, test } from 'vitest';
import { uniqueName } from '../../../src/testing/services/own-namespace.js';

test('a unique name is a valid namespace that starts with its prefix, and never the same again', () => {
  const names = Array.from({ length: 1_000 }, () => uniqueName('order'));
  expect(new Set(names).size).toBe(1_000);
  for (const name of names) expect(name).toMatch(/^order-[A-Za-z0-9_-]{1,58}$/);
});

test.each(['a.b', 'ü', 'x'.repeat(64)])('a prefix that makes no valid namespace is refused: %s', (prefix) => {
  expect(() => uniqueName(prefix)).toThrow(/doesn't make a valid name/);
});
