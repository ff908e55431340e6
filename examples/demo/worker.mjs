/**
 * A worker with an embedded Postgres, as a process of its own. Its parent is told whatever the worker's own events
 * say, and asks it to start the order and to send the signal, since nobody else can have the folder open.
 */
import { connect } from 'batonmq';
import { pino } from 'pino';
import { delivered, order } from './workflow.mjs';

const RUN = 'order-1';
const tell = (news) => process.send(news);

const [folder] = process.argv.slice(2);
const logger = pino({ level: 'info' }, { write: (line) => tell({ log: JSON.parse(line) }) });
const baton = await connect({ embedded: folder, logger });
const worker = baton.worker({ workflows: [order] });
worker.on('transition', ({ to }) => tell({ state: to }));
worker.on('task', (task) => tell({ task }));

process.on('message', async ({ start, signal, finish }) => {
  if (start) await baton.start(order, start, { id: RUN });
  if (signal) await baton.run(RUN).signal(delivered, signal);
  if (finish) {
    await baton.close();
    process.disconnect();
  }
});

await worker.start();
tell({ ready: true });
/** The status as it changes, until it is this one. */
async function reached(wanted) {
  for (let before; before !== wanted; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await baton
      .run(RUN)
      .status()
      .catch(() => undefined);
    if (found?.status === 'waiting' && before !== 'waiting') tell({ rests: found.node });
    before = found?.status;
  }
}

await reached('awaiting_signal');
tell({ waitsFor: delivered.name });
tell({ result: await baton.run(order, RUN).result() });
