import { expect, test } from 'vitest';
import { printable, widthOf } from '../../../src/cli/text-width.js';

test.each([
  ['order-1', 7],
  ['訂單', 4],
  ['ｆｕｌｌ', 8],
  ['한국', 4],
  ['🚀☃', 3],
  ['👩‍👩‍👧', 2],
  ['🇩🇪', 2],
  ['e\u0301', 1],
  ['Ünïcode …', 9],
])('%s takes %i columns', (text, width) => expect(widthOf(text)).toBe(width));

test('what would move the cursor or colour the rest is told instead', () => {
  expect(printable('a\tb\r\n\x1b[31m\x9b2J\u202etxt')).toBe('a\\tb\\r\\n\\u001b[31m\\u009b2J\\u202etxt');
  expect(printable('訂單 ☃ 🚀')).toBe('訂單 ☃ 🚀');
});
