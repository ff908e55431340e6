import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';

describe('eventually', () => {
  test('answers with what the check answers once it holds', async () => {
    let calls = 0;
    const answer = await eventually(() => (++calls < 3 ? null : 'there'), { intervalMs: 1 });
    expect(answer).toBe('there');
    expect(calls).toBe(3);
  });

  test('repeats a check that throws or rejects, until it does neither', async () => {
    let calls = 0;
    await eventually(
      async () => {
        calls++;
        expect(calls).toBe(4);
      },
      { intervalMs: 1 },
    );
    expect(calls).toBe(4);
  });

  test.each([false, null, 0, ''])('takes %j for not yet', async (answer) => {
    let calls = 0;
    expect(await eventually(() => (++calls === 1 ? answer : true), { intervalMs: 1 })).toBe(true);
  });

  test('gives up with what it waited for, and the last error as its cause', async () => {
    const cause = new Error('still two');
    const check = () => {
      throw cause;
    };
    const waiting = eventually(check, { timeoutMs: 20, intervalMs: 1, what: 'the queue is empty' });
    await expect(waiting).rejects.toMatchObject({
      message: 'not within 20 ms: the queue is empty (still two)',
      cause,
    });
  });

  test('gives up on a check that never ends', async () => {
    const waiting = eventually(() => new Promise<void>(() => {}), { timeoutMs: 20, what: 'an answer' });
    await expect(waiting).rejects.toThrow('not within 20 ms: an answer (the first check never came to an end)');
  });
});
