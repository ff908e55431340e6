import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll } from 'vitest';
import { nestingContract } from '../../support/nesting-contract.js';
import { ownServices } from '../../support/own-services.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('nest');
let baton: Baton;
let workers: WorkerProcess[];

beforeAll(async () => {
  baton = await connect(services);
  workers = await Promise.all([startWorker('nesting.mjs', services), startWorker('nesting.mjs', services)]);
});

afterAll(async () => {
  for (const worker of workers) await worker.end('SIGTERM');
  await baton.close();
});

nestingContract(() => baton);
