/** A store, queues and an engine in memory: everything that runs a workflow, without services. Gone with its user. */
import { type Logger as PinoLogger, pino } from 'pino';
import { jsonCodec } from '../core/codec.js';
import type { Workflow } from '../core/flow.js';
import type { Logger } from '../core/logger.js';
import { Engine } from '../runtime/engine.js';
import { MemoryState } from '../store/memory/state.js';
import { MemoryStore } from '../store/memory/store.js';
import { InProcessBroker } from '../transport/in-process.js';
import { InProcessTransport } from '../transport/in-process-transport.js';
import { Connection } from './connection.js';

export interface InMemoryOptions {
  readonly workflows: readonly Workflow[];
  /** The worker's name in descriptions. */
  readonly id: string;
  readonly logger?: Logger | undefined;
  /** Tells the store's time. With one, timers are fired by whoever turns the clock. @default the system's clock */
  readonly now?: () => number;
}

export interface InMemory {
  readonly connection: Connection;
  readonly engine: Engine;
  readonly state: MemoryState;
}

export const NAMESPACE = 'memory';
const CONCURRENCY = 100;

/** The engine is neither open nor consuming yet. */
export function inMemory({ workflows, id, now, logger = warnings() }: InMemoryOptions): InMemory {
  const state = new MemoryState(now === undefined ? {} : { now });
  const connection = new Connection({
    store: new MemoryStore(state, { namespace: NAMESPACE }),
    transport: new InProcessTransport(new InProcessBroker(), NAMESPACE),
    namespace: NAMESPACE,
    codec: jsonCodec,
    logger,
  });
  const { store, transport, queues, dispatcher, codec } = connection;
  const engine = new Engine({
    store,
    transport,
    queues,
    dispatcher,
    codec,
    logger,
    namespace: NAMESPACE,
    workflows,
    id,
    concurrency: CONCURRENCY,
    tags: [],
    leaseTtlMs: 30_000,
    agingIntervalMs: 300_000,
    timers: now === undefined,
  });
  return { connection, engine, state };
}

/** Lets nothing go on: what runs is told to stop, and nothing is kept. */
export async function discard({ connection, engine }: InMemory, reason: Error): Promise<void> {
  await engine.quiesce();
  await engine.release(reason, 0);
  await engine.close();
  await connection.close();
}

function warnings(): PinoLogger {
  return pino({ name: 'baton', level: 'warn' }, pino.destination({ dest: 2, sync: true }));
}
