import * as v from 'valibot';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ValidationError } from '../../../src/core/errors.js';
import { flow, signal, type TaskOptions, task } from '../../../src/core/flow.js';
import { type Rules, soon } from './theme.js';

/** The same rule in both libraries, checked at once and later: a text that is made a number over 0. */
const zodded = z.object({ n: z.string().transform(Number).pipe(z.number().positive('must be over 0')) });
const valiboted = v.object({ n: v.pipe(v.string(), v.transform(Number), v.minValue(1, 'must be over 0')) });
const POSITIVE: Readonly<Record<string, NonNullable<TaskOptions['input']>>> = {
  zod: zodded,
  'zod, later': zodded.refine(async () => true),
  valibot: valiboted,
  'valibot, later': v.pipeAsync(
    valiboted,
    v.checkAsync(async () => true),
  ),
};

export function schemas(rules: Rules): void {
  for (const [library, schema] of Object.entries(POSITIVE)) {
    const name = library.replace(', ', '-');
    let calls = 0;
    const double = ({ n }: { n: number }) => {
      calls++;
      return n * 2;
    };
    const checked = rules.known(
      flow<unknown>(`${name}-in`)
        .then(task('double', double, { input: schema, retry: 3 }) as never)
        .build(),
    );
    test(`${library}: a task gets its input as the schema makes it; one that does not fit is final and said where`, async () => {
      expect(await (await rules.baton.start(checked, { n: '21' })).result(soon)).toBe(42);
      const run = await rules.baton.start(checked, { n: '-1' });
      await expect(run.result(soon)).rejects.toMatchObject({
        task: 'double',
        attempt: 1,
        cause: { code: 'VALIDATION', message: 'the input of task double is not valid: n: must be over 0' },
      });
      expect(calls).toBe(1);
    });

    const returns = rules.known(
      flow<unknown>(`${name}-out`)
        .then(task('give', (given: unknown) => given, { output: schema, retry: 3 }))
        .then('next', (given) => given)
        .build(),
    );
    test(`${library}: what a task returns is stored as the schema makes it; what does not fit is final`, async () => {
      const run = await rules.baton.start(returns, { n: '7' });
      expect(await run.result(soon)).toEqual({ n: 7 });
      expect(await run.taskResult('give')).toEqual({ n: 7 });
      await expect((await rules.baton.start(returns, { n: '0' })).result(soon)).rejects.toMatchObject({
        attempt: 1,
        cause: { message: 'the output of task give is not valid: n: must be over 0' },
      });
    });

    const word = signal<{ n: never }>(`word-${name}`, { schema });
    const asks = rules.known(flow<number>(`${name}-signal`).waitForSignal(word).build());
    test(`${library}: a signal is checked where it is sent, and is received as the schema makes it`, async () => {
      const run = await rules.baton.start(asks, 1);
      const refused = await run.signal(word, { n: '0' as never }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ValidationError);
      expect(refused).toMatchObject({
        message: `the payload of signal word-${name} is not valid: n: must be over 0`,
        issues: [{ message: 'must be over 0', path: ['n'] }],
      });
      expect(await run.status()).toMatchObject({ status: 'awaiting_signal' });
      await run.signal(word, { n: '5' as never });
      expect(await run.result(soon)).toEqual({ n: 5 });
    });
    test(`${library}: a signal sent by its bare name is checked where it is received, which fails the run`, async () => {
      const run = await rules.baton.start(asks, 1);
      await run.signal(word.name, { n: 'none' });
      await expect(run.result(soon)).rejects.toMatchObject({
        task: word.name,
        cause: {
          code: 'VALIDATION',
          message: expect.stringMatching(`^the payload of signal ${word.name} is not valid: n: `),
        },
      });
    });
  }

  const slow = { validate: () => new Promise<never>(() => {}), vendor: 'never', version: 1 } as const;
  const stuck = rules.known(
    flow<number>('stuck-schema')
      .then('stuck', (n) => n, { input: { '~standard': slow }, timeout: '30ms' })
      .build(),
  );
  test("a schema that never answers is within the task's timeout", async () => {
    await expect((await rules.baton.start(stuck, 1)).result(soon)).rejects.toMatchObject({
      cause: { code: 'TASK_TIMEOUT' },
    });
  });
}
