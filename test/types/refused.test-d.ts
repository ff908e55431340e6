/** What can't work doesn't compile. */
import { describe, test } from 'vitest';
import { branch, flow, LoopResult, type SignalToken, signal, task } from '../../src/core/flow.js';

interface Order {
  id: string;
  amount: number;
}
type Verdict = { verdict: 'ship' | 'reject' };

const approval = signal<Verdict>('approval');
const reserve = task('reserve', async (order: Order) => ({ shelf: order.amount }));

describe('what does not compile', () => {
  test('a task that takes something else', () => {
    const text = flow<string>('f');
    // @ts-expect-error reserve takes an Order
    text.then(reserve);
    // @ts-expect-error a branch is given the fork's input
    text.fork([branch('a', reserve)]);
    // @ts-expect-error a child flow is given the step's output
    text.thenFlow(flow<Order>('child').then(reserve));
    // @ts-expect-error and so is a workflow
    text.thenFlow(flow<Order>('child').then(reserve).build());
    const routed = text.route(() => 'a', ['a']);
    // @ts-expect-error a route's branches are given its input
    routed.branch('a', reserve);
    // @ts-expect-error and so is its default branch
    routed.defaultBranch(reserve);
    const list = flow<string[]>('f');
    // @ts-expect-error a map's body is given the elements
    list.map('m', reserve);
    const judge = task('b', (n: number) => LoopResult.done(n));
    // @ts-expect-error a loop's body is given its input
    text.loop('l', judge);
  });

  test('a join that takes another tuple', () => {
    const forked = flow<number>('f').fork([branch('a', () => 1), branch('b', () => 'x')]);
    // @ts-expect-error the first is a number
    forked.join('j', ([a, b]: [string, string]) => a + b);
    // @ts-expect-error there are only two
    forked.join('j', ([a, b, c]) => [a, b, c]);
    const unforked = flow<number>('f').delay('d', 1);
    // @ts-expect-error there is nothing to join
    unforked.join('j', () => 1);
  });

  test('a route with a wrong, missing or repeated branch', () => {
    const routed = flow<number>('f').route((n) => (n > 0 ? 'a' : 'b'), ['a', 'b']);
    // @ts-expect-error there is no such key
    routed.branch('c', () => 1);
    // @ts-expect-error nothing has a branch yet
    routed.done();
    const begun = routed.branch('a', () => 1);
    // @ts-expect-error b has none
    begun.done();
    // @ts-expect-error a has one already
    begun.branch('a', () => 2);
    const unlisted = flow<number>('f')
      .route((n) => (n > 0 ? 'a' : 'c'), ['a'])
      .branch('a', () => 1);
    // @ts-expect-error the key function returns c, which nothing takes
    unlisted.done();
    unlisted.defaultBranch(() => 2).done();
  });

  test('a loop that goes on with something else, or says nothing', () => {
    // @ts-expect-error the body takes a number
    flow<number>('f').loop('l', (n) => (n > 1 ? LoopResult.again('x') : LoopResult.done(n)));
    // @ts-expect-error no verdict
    flow<number>('f').loop('l', (n) => n + 1);
  });

  test('a map of something that is no list', () => {
    // @ts-expect-error a number is no list
    flow<number>('f').map('m', (n) => n);
  });

  test("a payload that is not the signal's", () => {
    const send = <T>(_token: SignalToken<T>, _payload: NoInfer<T>): void => {};
    send(approval, { verdict: 'ship' });
    // @ts-expect-error no such verdict
    send(approval, { verdict: 'keep' });
    // @ts-expect-error a token is invariant
    const wider: SignalToken<{ verdict: string }> = approval;
    // @ts-expect-error in both directions
    const narrower: SignalToken<{ verdict: 'ship' }> = approval;
    void [wider, narrower];
  });

  test('an awaited flow', () => {
    async () => {
      // @ts-expect-error a flow is no promise
      await flow<number>('f').delay('d', 1);
    };
  });

  test('options that nothing knows', () => {
    // @ts-expect-error 6 is no priority
    task('t', () => 1, { priority: 6 });
    // @ts-expect-error misspelt
    task('t', () => 1, { retries: 3 });
    // @ts-expect-error no such end
    flow<number>('f').loop('l', (n) => LoopResult.done(n), { onMax: 'leave' });
  });
});
