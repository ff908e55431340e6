/**
 * Why a run isn't moving, or nothing is: who is at work, what waits in which queue, and what each open activation of a
 * run waits for. Reads only.
 */
import { isFinal, isLive, type RunKey } from '../core/model.js';
import { comparePaths } from '../core/path.js';
import { span } from '../core/span.js';
import type { ActivationView, QueueLoad, SessionView } from '../store/store.js';
import type { QueueDepth, Transport, TransportState } from '../transport/transport.js';
import type { Connection } from './connection.js';
import { findNode } from './definitions.js';
import { type RunStatus, statusOf, takeSnapshot } from './status.js';
import { type Blocked, type Surroundings, wakeSource } from './wake-source.js';

export interface Diagnosis {
  readonly namespace: string;
  /** Everything is in one process; there is no broker. */
  readonly embedded: boolean;
  readonly broker: TransportState;
  readonly workers: readonly WorkerSeen[];
  /** Those that something is ready in, or leased from. */
  readonly queues: readonly QueueSeen[];
  readonly run?: RunSeen;
  /** What is wrong, and what to do about it; empty where everything waits for what it should wait for. */
  readonly troubles: readonly string[];
}

export interface WorkerSeen extends Pick<SessionView, 'host' | 'pid' | 'state'> {
  readonly id: string;
  readonly startedAt: Date;
  /** Until when it counts as alive without another heartbeat. */
  readonly ttlUntil: Date;
}

export interface QueueSeen {
  readonly name: string;
  readonly workflow: string;
  readonly hash: string;
  readonly tags: readonly string[];
  readonly ready: number;
  readonly leased: number;
  readonly oldestReadyAt?: Date;
  /** Messages that no worker has yet, and consumers; left out where the broker wasn't asked, or isn't there. */
  readonly depth?: QueueDepth;
}

export interface RunSeen {
  readonly id: string;
  readonly status: RunStatus;
  /** Open activations in the order of the tree, each with what will move it on. */
  readonly nodes: readonly NodeSeen[];
}

export interface NodeSeen {
  readonly path: string;
  readonly node: string;
  readonly state: ActivationView['state'];
  readonly losses: number;
  readonly waitsFor: string;
}

/** More queues than this aren't asked for at the broker, the fullest come first. */
const QUEUES_ASKED = 50;
/** A worker that is there has fired a timer, and taken a message over from one that died, long before. */
const LATE_MS = 10_000;
/** While others are at work, a queue that nobody consumes is worth a word after this long. */
const BUSY_MS = 30_000;

export async function diagnose(connection: Connection, run?: RunKey): Promise<Diagnosis> {
  const { store, transport, namespace, queues: directory } = connection;
  const [sessions, loads, { now, nextDueAt }, rows] = await Promise.all([
    store.sessions(),
    store.loads(),
    store.look(undefined, { owed: [] }),
    directory.refresh(),
  ]);
  const fullest = loads.toSorted((a, b) => b.ready - a.ready).slice(0, QUEUES_ASKED);
  const depths = new Map(
    await Promise.all(
      fullest.map(async ({ queue }) => {
        const name = rows.find(({ key }) => key === queue)?.name;
        return [queue, name === undefined ? undefined : await depthOf(transport, name)] as const;
      }),
    ),
  );
  const seen = loads.flatMap((load) => {
    const row = rows.find(({ key }) => key === load.queue);
    return row === undefined ? [] : [{ ...row, ...load, depth: depths.get(load.queue) }];
  });
  const around: Surroundings = { now, sessions, queues: new Map(seen.map((queue) => [queue.key, queue])) };
  const about = run === undefined ? undefined : await diagnoseRun(connection, run, around);
  const general = [
    ...brokerTrouble(transport.state),
    ...workTroubles(seen, sessions, now),
    ...timerTrouble(nextDueAt, now, sessions),
  ];
  return {
    namespace,
    embedded: store.transactions === 'exclusive',
    broker: transport.state,
    workers: sessions.map(({ workerId, host, pid, state, startedAt, ttlUntil }) => ({
      id: workerId,
      host,
      pid,
      state,
      startedAt: new Date(startedAt),
      ttlUntil: new Date(ttlUntil),
    })),
    queues: seen.map(({ name, workflow, hash, tags, ready, leased, oldestReadyAt, depth }) => ({
      name,
      workflow,
      hash,
      tags,
      ready,
      leased,
      ...(oldestReadyAt === undefined ? {} : { oldestReadyAt: new Date(oldestReadyAt) }),
      ...(depth === undefined ? {} : { depth }),
    })),
    ...(about === undefined ? {} : { run: about.run }),
    troubles: [...new Set([...general, ...(about?.troubles ?? [])])],
  };
}

/** A queue that the broker doesn't have holds nothing, and nobody consumes it. */
async function depthOf(transport: Transport, name: string): Promise<QueueDepth | undefined> {
  const depth = await transport.depth(name);
  return depth ?? (transport.state === 'up' ? { ready: 0, consumers: 0 } : undefined);
}

async function diagnoseRun(
  connection: Connection,
  key: RunKey,
  around: Surroundings,
): Promise<{ run: RunSeen; troubles: string[] }> {
  const snapshot = await takeSnapshot(connection, key, { open: true });
  const { row, activations } = snapshot;
  const [status, tree] = await Promise.all([statusOf(connection, snapshot), connection.definitions.of(row)]);
  const open = activations.filter(({ state }) => !isFinal(state)).toSorted((a, b) => comparePaths(a.path, b.path));
  const found = open.map((view) => ({ view, ...wakeSource(view, { ...around, run: row.id, open }) }));
  const wedged = isLive(row.status) && open.length === 0;
  return {
    run: {
      id: row.id,
      status,
      nodes: found.map(({ view, waitsFor }) => ({
        path: view.path,
        node: findNode(tree, view.path)?.id ?? view.path,
        state: view.state,
        losses: view.losses,
        waitsFor,
      })),
    },
    troubles: [
      ...found.flatMap(({ trouble }: Blocked) => trouble ?? []),
      ...(wedged ? [`run ${row.id} is ${row.status} and has nothing left to do: please report it, with its rows`] : []),
    ],
  };
}

function brokerTrouble(state: TransportState): string[] {
  if (state === 'up') return [];
  if (state === 'blocked')
    return ['RabbitMQ takes no messages for now, short of memory or disk space: free some; nothing is lost meanwhile'];
  return [`RabbitMQ is away (${state}): nothing new begins until it is back; nothing is lost meanwhile`];
}

interface Work extends QueueLoad {
  readonly workflow: string;
  readonly hash: string;
  readonly tags: readonly string[];
  readonly depth?: QueueDepth | undefined;
}

/** Queues whose work nobody takes. A worker that is busy to the full consumes nothing for as long as it is. */
function workTroubles(queues: readonly Work[], sessions: readonly SessionView[], now: number): string[] {
  const waiting = queues.filter(({ ready }) => ready > 0);
  if (waiting.length > 0 && !sessions.some(isAlive)) {
    const total = waiting.reduce((sum, { ready }) => sum + ready, 0);
    const what = total === 1 ? '1 task is' : `${total} tasks are`;
    return [`${what} ready and no worker is there: start one with baton worker MODULE`];
  }
  const busy = queues.some(({ leased }) => leased > 0);
  return waiting.flatMap(({ workflow, hash, tags, depth, leased, oldestReadyAt = now }) => {
    if (depth?.consumers !== 0 || leased > 0 || (busy && now - oldestReadyAt < BUSY_MS)) return [];
    const needed = `workflow ${workflow} with structure ${hash.slice(0, 16)}${tags.length === 0 ? '' : ` and tags ${tags.join(',')}`}`;
    return [
      busy
        ? `nobody has taken work of ${needed} for ${span(now - oldestReadyAt)}: either no worker has just that, or those that do are busy to the full; start more`
        : `no worker has ${needed}: start one whose module has just this structure, or wait for one that is starting`,
    ];
  });
}

function timerTrouble(nextDueAt: number | undefined, now: number, sessions: readonly SessionView[]): string[] {
  if (nextDueAt === undefined || now - nextDueAt < LATE_MS || sessions.some(isAlive)) return [];
  return ['timers are overdue and no worker is there to fire them: start one with baton worker MODULE'];
}

const isAlive = ({ state }: SessionView): boolean => state === 'alive';
