/** An order's way: reserve, charge beside the invoice, pack one way or the other, ask the carrier, rest, wait for the door. */
import { setTimeout as sleep } from 'node:timers/promises';
import { branch, flow, LoopResult, signal, task } from 'batonmq';

/** The customer has it. */
export const delivered = signal('delivered');

const reserve = task('reserve', async (order) => ({ ...order, shelf: 7 }));

/** The bank takes its time: long enough for the process to be killed meanwhile. */
const charge = task('charge', async (order, ctx) => {
  ctx.logger.info({ task: 'charge' }, `asks the bank, key ${ctx.idempotencyKey}`);
  await sleep(1_500, undefined, { signal: ctx.signal });
  return { paid: order.amount };
});

const invoice = task('invoice', async (order) => `invoice for ${order.id}`);

/** The carrier's answers: not yet, not yet, on its way. */
const track = task('track', async (parcel) => {
  const asked = { ...parcel, asked: parcel.asked + 1 };
  return asked.asked < 3 ? LoopResult.again(asked) : LoopResult.done(asked);
});

export const order = flow('order')
  .then(reserve)
  .fork([branch('money', charge), branch('paper', invoice)])
  .join('papers', ([payment, paper]) => ({ ...payment, paper, asked: 0 }))
  .route((papers) => (papers.paid >= 100 ? 'insured' : 'plain'), ['insured', 'plain'])
  .branch(
    'insured',
    task('insure', async (papers) => ({ ...papers, insured: true })),
  )
  .branch(
    'plain',
    task('wrap', async (papers) => papers),
  )
  .done()
  .then('hand-over', async ({ result }) => result)
  .loop('tracking', track, { maxIterations: 5 })
  .delay('on-the-road', '1s')
  .waitForSignal(delivered)
  .then('thank', async ({ name }) => `thank you, ${name}`)
  .build();
