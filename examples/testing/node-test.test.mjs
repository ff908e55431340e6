/** With node:test: in memory for what takes time, and on real services. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'batonmq';
import { createHarness, pathOf, startServices } from 'batonmq/testing';
import { approval, checkoutWith, order } from './checkout.mjs';

const checkout = checkoutWith({ charge: async (amount) => ({ paid: amount }) });

test('in memory, an order that nobody looks at is refunded after a day', async () => {
  const harness = await createHarness({ workflows: [checkout] });
  try {
    const run = await harness.start(checkout, order);
    await harness.advance('24h');
    assert.deepEqual(await run.result(), { branch: 'refund', result: 'refunded' });
    assert.deepEqual(await pathOf(run), ['charge', 'invoice', 'papers', 'approval', 'route', 'refund']);
  } finally {
    await harness.close();
  }
});

test('on real services, an order that is approved is shipped', { timeout: 120_000 }, async (t) => {
  const services = await startServices();
  t.after(() => services.stop());
  const baton = await connect(services);
  try {
    await baton.worker({ workflows: [checkout] }).start();
    const run = await baton.start(checkout, order);
    await run.signal(approval, 'ship');
    assert.deepEqual(await run.result(), { branch: 'ship', result: 'shipped' });
  } finally {
    await baton.close();
  }
});
