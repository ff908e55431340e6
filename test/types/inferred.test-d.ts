/** What the compiler finds out by itself: nothing but a flow's input and a signal's payload is ever written out. */
import type pg from 'pg';
import { describe, expectTypeOf, test } from 'vitest';
import {
  branch,
  type Duration,
  type Flow,
  flow,
  type LoopOptions,
  LoopResult,
  signal,
  type TaskContext,
  type Tx,
  task,
  type Workflow,
} from '../../src/core/flow.js';

interface Order {
  id: string;
  amount: number;
}
type Verdict = { verdict: 'ship' | 'reject' };

const approval = signal<Verdict>('approval');
const reserve = task(
  'reserve',
  async (order: Order, ctx) => {
    expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
    return { shelf: order.amount };
  },
  { timeout: '10s', retry: { maxRetries: 3, initialDelay: '200ms' } },
);

describe('what is inferred', () => {
  test('the example of the front page, from its input to its output', () => {
    const checkout = flow<Order>('checkout')
      .then(reserve)
      .fork([
        branch(
          'charge',
          task('charge', async (r: { shelf: number }) => ({ paid: r.shelf })),
        ),
        branch(
          'invoice',
          flow<{ shelf: number }>('invoice')
            .then('render', (r) => `page ${r.shelf}`)
            .then('store', async (text) => ({ text })),
        ),
      ])
      .join('merge', ([payment, invoice]) => ({ payment, invoice }))
      .waitForSignal(approval, { timeout: '24h' })
      .route((a) => (a.timedOut ? 'reject' : a.payload.verdict), ['ship', 'reject'] as const)
      .branch('ship', () => 1)
      .branch('reject', async () => 'refunded')
      .done()
      .build();
    expectTypeOf(checkout).toEqualTypeOf<
      Workflow<
        Order,
        { readonly branch: 'ship'; readonly result: number } | { readonly branch: 'reject'; readonly result: string }
      >
    >();
  });

  test('a function is given what the step before returned', () => {
    flow<string>('f')
      .then('length', (text) => {
        expectTypeOf(text).toEqualTypeOf<string>();
        return text.length;
      })
      .then('double', async (n, ctx) => {
        expectTypeOf(n).toEqualTypeOf<number>();
        expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
        ctx.logger.info('said');
        ctx.logger.info({ n }, 'said');
        return n * 2;
      })
      .delay('pause', '1s')
      .then('last', (n) => {
        expectTypeOf(n).toEqualTypeOf<number>();
      });
  });

  test("a transactional task's function gets the transaction between input and context", () => {
    const write = task.transaction('write', async (n: number, tx, ctx) => {
      expectTypeOf(tx).toEqualTypeOf<Tx>();
      expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
      return (await tx.query<{ n: number }>('select $1::int as n', [n])).rows;
    });
    expectTypeOf(flow<number>('f').then(write)).toEqualTypeOf<Flow<number, { n: number }[]>>();
  });

  test('a pg client is a transaction', () => {
    expectTypeOf<pg.PoolClient>().toExtend<Tx>();
    expectTypeOf<pg.Client>().toExtend<Tx>();
  });

  test('a fork yields the tuple in order; bare functions in its branches are given its input', () => {
    const forked = flow<Order>('f').fork([
      branch('a', (order) => order.amount),
      branch('b', async (order) => order.id),
      branch('c', flow<Order>('c').build()),
    ]);
    expectTypeOf(forked.build()).toEqualTypeOf<Workflow<Order, [number, string, Order]>>();
    forked.join('sum', (tuple) => {
      expectTypeOf(tuple).toEqualTypeOf<[number, string, Order]>();
    });
  });

  test('a route is discriminated by its key, default branch included', () => {
    const routed = flow<number>('f')
      .route('sign', (n) => (n > 0 ? 'plus' : n < 0 ? 'minus' : 'zero'), ['plus', 'minus'])
      .branch('plus', (n) => n)
      .defaultBranch(() => 'other')
      .done()
      .build();
    expectTypeOf(routed).toEqualTypeOf<
      Workflow<
        number,
        | { readonly branch: 'plus'; readonly result: number }
        | { readonly branch: 'minus' | 'zero'; readonly result: string }
      >
    >();
  });

  test('a key function may return any string: what no branch takes is found at run time, or goes to the default', () => {
    const open = flow<string>('f').route((key) => key, ['a', 'b']);
    expectTypeOf(
      open
        .branch('a', () => 1)
        .branch('b', () => 2)
        .done()
        .build(),
    ).toEqualTypeOf<
      Workflow<
        string,
        { readonly branch: 'a'; readonly result: number } | { readonly branch: 'b'; readonly result: number }
      >
    >();
    expectTypeOf(
      open
        .branch('a', () => 1)
        .defaultBranch(() => true)
        .done()
        .build(),
    ).toEqualTypeOf<
      Workflow<
        string,
        { readonly branch: 'a'; readonly result: number } | { readonly branch: string; readonly result: boolean }
      >
    >();
  });

  test("a loop's output is what it is done with, and again's too where the last one may leave", () => {
    const count = (n: number) => (n < 3 ? LoopResult.again(n + 1) : LoopResult.done(`${n}`));
    expectTypeOf(flow<number>('f').loop('l', count)).toEqualTypeOf<Flow<number, string>>();
    expectTypeOf(flow<number>('f').loop('l', async (n) => count(n), { maxIterations: 3 })).toEqualTypeOf<
      Flow<number, string>
    >();
    expectTypeOf(flow<number>('f').loop('l', count, { onMax: 'fail' })).toEqualTypeOf<Flow<number, string>>();
    expectTypeOf(flow<number>('f').loop('l', count, { maxIterations: 3, onMax: 'exit_with_last' })).toEqualTypeOf<
      Flow<number, string | number>
    >();
    const unknown: LoopOptions = {};
    expectTypeOf(flow<number>('f').loop('l', count, unknown)).toEqualTypeOf<Flow<number, string | number>>();
    expectTypeOf(flow<number>('f').loop('l', flow<number>('body').then('judge', count))).toEqualTypeOf<
      Flow<number, string>
    >();
    expectTypeOf(flow<number>('f').loop('l', task('body', count))).toEqualTypeOf<Flow<number, string>>();
    expectTypeOf(
      flow<number>('f').loop('l', (n) => (n < 3 ? LoopResult.again(n + 1) : LoopResult.done(n))),
    ).toEqualTypeOf<Flow<number, number>>();
  });

  test('a loop begins with less than its body goes on with', () => {
    interface Page {
      rows: number;
      cursor?: string;
    }
    const page = async (state: Page) =>
      state.cursor === 'end' ? LoopResult.done(state.rows) : LoopResult.again({ rows: state.rows + 1, cursor: 'end' });
    expectTypeOf(flow<{ rows: number }>('f').loop('pages', page)).toEqualTypeOf<Flow<{ rows: number }, number>>();
    expectTypeOf(flow<{ rows: number }>('f').loop('pages', task('page', page))).toEqualTypeOf<
      Flow<{ rows: number }, number>
    >();
  });

  test('a map is given elements and yields the list of results', () => {
    const mapped = flow<Order>('f')
      .then('items', (order) => [order.id])
      .map(
        'each',
        (item) => {
          expectTypeOf(item).toEqualTypeOf<string>();
          return item.length;
        },
        { concurrency: 2 },
      );
    expectTypeOf(mapped).toEqualTypeOf<Flow<Order, number[]>>();
    expectTypeOf(flow<readonly Order[]>('f').map('each', reserve)).toEqualTypeOf<
      Flow<readonly Order[], { shelf: number }[]>
    >();
  });

  test('a child flow takes the input and gives the output', () => {
    const child = flow<string>('child').then('n', (s) => s.length);
    expectTypeOf(flow<string>('f').thenFlow(child)).toEqualTypeOf<Flow<string, number>>();
    expectTypeOf(flow<string>('f').thenFlow(child.build())).toEqualTypeOf<Flow<string, number>>();
  });

  test("a wait's output depends on its timeout", () => {
    type WithTimeout = { readonly timedOut: false; readonly payload: Verdict } | { readonly timedOut: true };
    expectTypeOf(flow<Order>('f').waitForSignal(approval)).toEqualTypeOf<Flow<Order, Verdict>>();
    expectTypeOf(flow<Order>('f').waitForSignal(approval, { id: 'w' })).toEqualTypeOf<Flow<Order, Verdict>>();
    expectTypeOf(flow<Order>('f').waitForSignal(approval, { timeout: 10 })).toEqualTypeOf<Flow<Order, WithTimeout>>();
    const maybe: { timeout?: Duration } = {};
    expectTypeOf(flow<Order>('f').waitForSignal(approval, maybe)).toEqualTypeOf<Flow<Order, Verdict | WithTimeout>>();
    expectTypeOf(flow<Order>('f').waitForSignal('bare')).toEqualTypeOf<Flow<Order, unknown>>();
    expectTypeOf(flow<Order>('f').waitForSignal('bare', { timeout: '1s' })).toEqualTypeOf<
      Flow<Order, { readonly timedOut: false; readonly payload: unknown } | { readonly timedOut: true }>
    >();
  });

  test('any workflow fits where its types do not matter', () => {
    expectTypeOf(flow<Order>('f').then(reserve).build()).toExtend<Workflow>();
    const list: Workflow[] = [flow<Order>('f').then(reserve).build(), flow<string>('g').delay('d', 1).build()];
    expectTypeOf(list).toEqualTypeOf<Workflow[]>();
  });
});
