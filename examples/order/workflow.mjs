/**
 * An order's way through a shop, with every kind of node: reserve each item (map), charge and write the invoice in
 * parallel (fork), wait for the warehouse's word (signal), then ship or refund (route). Shipping is a flow of its
 * own (child) that asks the carrier until the parcel is handed over (loop, with a delay between two questions).
 *
 *     baton worker examples/order/workflow.mjs
 *     baton start order --input '{"id":"A-1","items":["mug","tea"],"amount":30}'
 *     baton signal RUN packed --payload '{"verdict":"ship"}'
 */
import { branch, flow, LoopResult, signal, task } from 'batonmq';
import { logged } from './shop.mjs';

/** The warehouse says how it went. */
export const packed = signal('packed');

const accept = task(
  'accept',
  logged(async (order) => ({ ...order, acceptedAt: new Date() })),
);

const reserve = task(
  'reserve',
  logged(async (item) => ({ item, shelf: item.length })),
  {
    timeout: '10s',
    retry: { maxRetries: 3, initialDelay: '200ms', maxDelay: '5s' },
  },
);

const charge = task(
  'charge',
  logged(async (items, ctx) => ({ items, payment: ctx.idempotencyKey }), { ms: 500 }),
);

const invoice = flow('invoice')
  .then(
    'render',
    logged(async (items) => `Invoice for ${items.length} items`),
  )
  .then(
    'store',
    logged(async (text) => ({ text, pages: 1 }), { ms: 500 }),
  );

/** Asks the carrier until the parcel is handed over; the third question is answered. */
const handover = flow('handover')
  .then(
    'ask',
    logged(async (parcel) => ({ ...parcel, asked: parcel.asked + 1 })),
  )
  .delay('patience', '50ms')
  .then(
    'judge',
    logged(async (parcel) => (parcel.asked < 3 ? LoopResult.again(parcel) : LoopResult.done(parcel))),
  );

export const shipping = flow('shipping')
  .then(
    'label',
    logged(async () => ({ label: 'P-1', asked: 0 })),
  )
  .loop('carrier', handover, { maxIterations: 10 })
  .build();

const ship = flow('ship')
  .thenFlow(shipping)
  .then(
    'notify',
    logged(async (parcel) => `shipped ${parcel.label}`),
  );
const refund = task(
  'refund',
  logged(async () => 'refunded'),
);

export const order = flow('order')
  .then(accept)
  .then(
    'items',
    logged(async (accepted) => accepted.items),
  )
  .map('reservations', reserve, { concurrency: 2 })
  .fork([branch('charge', charge), branch('invoice', invoice)])
  .join('paid', ([payment, paper]) => ({ payment: payment.payment, invoice: paper.text }))
  .delay('coffee', '100ms')
  .waitForSignal(packed, { timeout: '24h' })
  .route('verdict', (answer) => (answer.timedOut ? 'refund' : answer.payload.verdict), ['ship', 'refund'])
  .branch('ship', ship)
  .branch('refund', refund)
  .done()
  .build();
