/** With vitest: in memory for what takes time, and on real services. */
import { connect } from 'batonmq';
import { createHarness, pathOf, startServices } from 'batonmq/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { approval, checkoutWith, order } from './checkout.mjs';

describe('in memory', () => {
  const asked = [];
  let failures;
  const checkout = checkoutWith({
    charge: async (amount, key) => {
      asked.push(key);
      if (failures-- > 0) throw new Error('the bank is closed');
      return { paid: amount };
    },
  });
  let harness;

  beforeEach(async () => {
    asked.length = failures = 0;
    harness = await createHarness({ workflows: [checkout] });
  });
  afterEach(() => harness.close());

  test('an order that is approved is shipped', async () => {
    const run = await harness.start(checkout, order);
    await run.signal(approval, 'ship');
    expect(await harness.runToEnd(run)).toEqual({ branch: 'ship', result: 'shipped' });
    expect(await pathOf(run)).toEqual(['charge', 'invoice', 'papers', 'approval', 'route', 'ship']);
  });

  test('an order that nobody looks at is refunded after a day, and not before', async () => {
    const run = await harness.start(checkout, order);
    await harness.advance('23h');
    expect(await run.status()).toMatchObject({ status: 'awaiting_signal', signal: 'approval' });
    await harness.advance('1h');
    expect(await run.status()).toEqual({ status: 'completed', output: { branch: 'refund', result: 'refunded' } });
  });

  test('a bank that is closed is asked again, with the same key', async () => {
    failures = 2;
    const run = await harness.start(checkout, order);
    await harness.advance('3m');
    expect(await pathOf(run)).toContain('charge (3 attempts)');
    expect(new Set(asked).size).toBe(1);
  });
});

describe('on real services', () => {
  const checkout = checkoutWith({ charge: async (amount) => ({ paid: amount }) });
  let services;
  let baton;

  beforeAll(async () => {
    services = await startServices();
    baton = await connect(services);
    await baton.worker({ workflows: [checkout] }).start();
  }, 120_000);
  afterAll(async () => {
    await baton?.close();
    await services?.stop();
  });

  test('an order that is approved is shipped', async () => {
    const run = await baton.start(checkout, order);
    await run.signal(approval, 'ship');
    expect(await run.result()).toEqual({ branch: 'ship', result: 'shipped' });
  });
});
