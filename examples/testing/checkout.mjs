/**
 * A workflow that is easy to test: what it needs from outside is handed in, here the bank.
 *
 *     npx vitest run --root examples/testing
 *     node --test examples/testing/node-test.test.mjs
 */
import { branch, flow, signal, task } from 'batonmq';

/** Somebody looks at the papers. */
export const approval = signal('approval');

export function checkoutWith(bank) {
  const charge = task('charge', (order, ctx) => bank.charge(order.amount, ctx.idempotencyKey), {
    retry: { maxRetries: 3, initialDelay: '1m' },
  });
  return flow('checkout')
    .fork([branch('charge', charge), branch('invoice', async (order) => `Invoice for ${order.id}`)])
    .join('papers', ([payment, invoice]) => ({ payment, invoice }))
    .waitForSignal(approval, { timeout: '24h' })
    .route((answer) => (answer.timedOut ? 'refund' : answer.payload), ['ship', 'refund'])
    .branch('ship', async () => 'shipped')
    .branch('refund', async () => 'refunded')
    .done()
    .build();
}

export const order = { id: 'A-1', amount: 30 };
