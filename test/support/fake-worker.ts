/** A worker on a fake engine. */
import { flow } from '../../src/core/flow.js';
import { Worker, type WorkerServices } from '../../src/runtime/worker.js';
import type { WorkerOptions } from '../../src/runtime/worker-options.js';
import { FakeEngine } from './fake-engine.js';
import { silent } from './silent.js';

export const workflow = flow<number>('counting')
  .then('inc', (n) => n + 1)
  .build();

export interface FakeWorker {
  readonly worker: Worker;
  readonly engine: FakeEngine;
  /** What the engine was asked and what hooks wrote, in order. */
  readonly log: string[];
  /** The public states that it went through. */
  readonly states: string[];
}

export function fakeWorker(
  options: Partial<WorkerOptions> = {},
  log: string[] = [],
  own: Pick<WorkerServices, 'routes' | 'monitor'> = {},
): FakeWorker {
  const engine = new FakeEngine(log);
  // Only the engine touches the services, and it is a fake.
  const services = { logger: silent, namespace: 'default', ...own } as WorkerServices;
  const worker = new Worker({ workflows: [workflow], ...options }, services, () => engine);
  const states: string[] = [];
  worker.on('transition', ({ to }) => states.push(to));
  return { worker, engine, log, states };
}

/** Every hook, writing its name. */
export function allHooks(log: string[]) {
  const says = (name: string) => () => void log.push(name);
  return {
    beforeStart: says('beforeStart'),
    onStartup: [says('onStartup'), () => says('cleanup')],
    afterStart: says('afterStart'),
    beforeStop: says('beforeStop'),
    onShutdown: [says('onShutdown 1'), says('onShutdown 2')],
    afterStop: says('afterStop'),
  };
}
