import { expect, test } from 'vitest';
import { NonRetryableError, RunFailedError } from '../../../src/core/errors.js';
import { branch, flow, LoopResult, task, type Workflow } from '../../../src/core/flow.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

/** Whatever can be thrown, and what is told of it. */
const ODDITIES: readonly [name: string, thrown: () => unknown, told: object][] = [
  ['a string', () => 'no luck', { name: 'Error', message: 'no luck' }],
  ['undefined', () => undefined, { name: 'Error', message: 'undefined' }],
  ['null', () => null, { name: 'Error', message: 'null' }],
  ['a symbol', () => Symbol('odd'), { name: 'Error', message: 'Symbol(odd)' }],
  ['an object', () => ({ why: 1 }), { name: 'Error', message: '{"why":1}' }],
  ['a frozen error', () => Object.freeze(new RangeError('frozen')), { name: 'RangeError', message: 'frozen' }],
  ['an error whose getters throw', troubled, { message: "an error whose message can't be read" }],
  ['a revoked proxy', revoked, { name: expect.any(String), message: expect.any(String) }],
  ['its own cause', circular, { message: 'circular', cause: { message: 'circular' } }],
  [
    'many at once',
    () => new AggregateError([new Error('first'), 2], 'many'),
    { message: 'many', cause: { message: 'first' } },
  ],
  ['text that Postgres refuses', () => new Error('nul \0 half \ud800'), { message: 'nul \ufffd half \ufffd' }],
];

function troubled(): Error {
  const fail = () => {
    throw new Error('from a getter');
  };
  const error = Object.assign(new Error('hidden'), { stack: '' });
  return Object.defineProperties(error, {
    message: { get: fail },
    name: { get: fail },
    stack: { get: fail },
  });
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circular(): Error {
  const error = new Error('circular');
  error.cause = error;
  return error;
}

export function failing(rules: Rules): void {
  const broken = rules.known(
    flow<number>('broken')
      .then('boom', () => {
        const cause = Object.assign(new TypeError('underneath'), { cause: new Error('the root') });
        throw Object.assign(new RangeError('too far', { cause }), { code: 'E_FAR' });
      })
      .build(),
  );
  test('without a policy the run is failed at once, with name, message, stack, code, causes, task and attempt', async () => {
    const run = await rules.baton.start(broken, 1);
    const failure = await run.result(soon).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RunFailedError);
    expect(failure).toMatchObject({ code: 'RUN_FAILED', task: 'boom', attempt: 1 });
    const told = { name: 'RangeError', message: 'too far', code: 'E_FAR', stack: expect.stringContaining('failing') };
    const causes = { cause: { name: 'TypeError', message: 'underneath', cause: { message: 'the root' } } };
    expect((failure as RunFailedError).cause).toBeInstanceOf(Error);
    expect((failure as RunFailedError).cause).toMatchObject({ ...told, ...causes });
    expect(await run.status()).toMatchObject({
      status: 'failed',
      task: 'boom',
      attempt: 1,
      error: { ...told, ...causes },
    });
    expect((await run.describe()).nodes).toMatchObject([{ node: 'boom', state: 'failed', attempt: 1, error: told }]);
  });

  const odd = rules.known(
    flow<number>('odd')
      .then('throws', (which) => {
        throw ODDITIES[which]?.[1]();
      })
      .build(),
  );
  test.each(ODDITIES.map(([name, , told], which) => ({ name, told, which })))(
    '$name, thrown, ends the run as any error does',
    async ({ told, which }) => {
      const run = await rules.baton.start(odd, which);
      await expect(run.result(soon)).rejects.toMatchObject({ code: 'RUN_FAILED', task: 'throws' });
      expect(await run.status()).toMatchObject({ status: 'failed', error: told });
    },
  );

  test('a failed run is not the failure of its worker, which goes on', async () => {
    await expect((await rules.baton.start(broken, 1)).result(soon)).rejects.toThrow(/too far/);
    expect(rules.worker.state).toBe('running');
    await expect((await rules.baton.start(broken, 2)).result(soon)).rejects.toThrow(/too far/);
  });

  let tries = 0;
  const hopeless = rules.known(
    flow<number>('hopeless')
      .then(
        'once',
        () => {
          tries++;
          throw new NonRetryableError('the card was declined', { cause: new Error('402') });
        },
        { retry: { maxRetries: 5, initialDelay: 1 } },
      )
      .build(),
  );
  test('a NonRetryableError is final, whatever retries are left', async () => {
    const run = await rules.baton.start(hopeless, 1);
    await expect(run.result(soon)).rejects.toMatchObject({ attempt: 1, cause: { code: 'NON_RETRYABLE' } });
    expect(tries).toBe(1);
  });

  const told = gate();
  const reasons: unknown[] = [];
  const returned = gate();
  const began = gate();
  const siblings = rules.known(
    flow<number>('siblings')
      .fork([
        branch('patient', async (_: number, { signal }) => {
          began.open();
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            told.open();
          });
          await returned.opened;
          return 'late';
        }),
        branch(
          'waiting',
          flow<number>('waiting')
            .delay('nap', '1h')
            .then('never', () => 'never'),
        ),
        branch('breaks', async () => {
          await began.opened;
          throw new RangeError('broken');
        }),
        branch('quick', () => 'done'),
      ])
      .join('all', (outputs) => outputs)
      .build(),
  );
  test('the branches beside it are told, stopped and say nothing more; what they return late is discarded', async () => {
    const outcomes: string[] = [];
    const unsubscribe = rules.worker.on(
      'task',
      ({ taskId, outcome }) => taskId === 'patient' && outcomes.push(outcome),
    );
    const run = await rules.baton.start(siblings, 1);
    await expect(run.result(soon)).rejects.toMatchObject({ task: 'breaks' });
    await told.opened;
    expect(reasons).toMatchObject([{ code: 'RUN_FAILED', task: 'breaks', cause: { name: 'RangeError' } }]);
    returned.open();
    await eventually(async () => expect(outcomes).toEqual(['lost']));
    expect(await run.taskResult('patient')).toBeUndefined();
    unsubscribe();
    expect(await run.status()).toMatchObject({ status: 'failed', task: 'breaks' });
    const states = (await run.describe()).nodes.map(({ node, state }) => [node, state]);
    expect(Object.fromEntries(states)).toMatchObject({ patient: 'cancelled', nap: 'cancelled', breaks: 'failed' });
  });

  const never = { retry: { maxRetries: 3, initialDelay: 1 } };
  const unfit: Readonly<Record<string, readonly [Workflow, object]>> = {
    'join-throws': [
      flow<number>('join-throws')
        .fork([branch('a', () => 1)])
        .join('merge', () => {
          throw new Error('cannot merge');
        })
        .build(),
      { task: 'merge', cause: { message: 'cannot merge' } },
    ],
    'key-throws': [
      flow<number>('key-throws')
        .route(
          'which',
          (): 'a' => {
            throw new Error('cannot tell');
          },
          ['a'] as const,
        )
        .branch('a', () => 1)
        .done()
        .build(),
      { task: 'which', cause: { message: 'cannot tell' } },
    ],
    unmatched: [
      flow<number>('unmatched')
        .route('which', () => 'b' as 'a', ['a'] as const)
        .branch('a', () => 1)
        .done()
        .build(),
      { task: 'which', cause: { code: 'UNMATCHED_ROUTE' } },
    ],
    endless: [
      flow<number>('endless')
        .loop(
          'again',
          task('round', (n: number) => LoopResult.again(n + 1), never),
          { maxIterations: 3 },
        )
        .build(),
      { task: 'round', attempt: 1, cause: { code: 'MAX_ITERATIONS' } },
    ],
    undecided: [
      flow<number>('undecided')
        .loop(
          'again',
          task('round', (n: number) => n as unknown as ReturnType<typeof LoopResult.done<number>>, never),
        )
        .build(),
      { task: 'round', attempt: 1, cause: { code: 'LOOP_VERDICT' } },
    ],
    listless: [
      flow<number[]>('listless')
        .map('each', (n) => n)
        .build(),
      { task: 'each', cause: { code: 'MAP_INPUT' } },
    ],
  };
  for (const [name, [workflow, told]] of Object.entries(unfit)) {
    rules.known(workflow);
    test(`what a node cannot do is final and typed: ${name}`, async () => {
      const run = await rules.baton.start(workflow, 1);
      await expect(run.result(soon)).rejects.toMatchObject(told);
    });
  }
}
