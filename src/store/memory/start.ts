/** Starting runs: one after the other, so of many starts of one id the first wins. */
import { isLive } from '../../core/model.js';
import type { StartRequest, StartResult } from '../store.js';
import { insert, refuseUnfit } from './children.js';
import { endRun } from './end-run.js';
import { refuseNul } from './refuse.js';
import { type MemoryRun, toEnded, toReady } from './rows.js';
import type { Space } from './space.js';

export function start(space: Space, requests: readonly StartRequest[]): StartResult[] {
  for (const { id, workflow, replyTo, metadata, activations } of requests) {
    refuseNul(id, workflow, replyTo, metadata);
    refuseUnfit({ key: 'to be started' }, activations, new Set());
  }
  return requests.map((request) => startOne(space, request));
}

function startOne(space: Space, request: StartRequest): StartResult {
  const before = space.byToken.get(request.token);
  if (before !== undefined) {
    const ready = [...before.open].filter((row) => row.state === 'ready');
    return { kind: 'started', run: before.info.run, ready: ready.map(toReady) };
  }
  const rival = space.current.get(request.id);
  if (rival !== undefined && request.conflict !== 'terminate_existing') {
    return {
      kind: 'exists',
      run: rival.info.run,
      workflow: rival.info.workflow,
      status: rival.status,
    };
  }
  const terminates = rival !== undefined && isLive(rival.status);
  if (terminates) {
    rival.reason = 'terminated by a new start of the same id';
    rival.by = undefined;
    endRun(space, rival, 'cancelled');
  }
  if (rival !== undefined) rival.current = false;
  const run = newRun(space, request);
  const { ready } = insert(space, run, request.activations, undefined);
  return {
    kind: 'started',
    run: run.info.run,
    ready,
    ...(terminates ? { terminated: toEnded(rival) } : {}),
  };
}

function newRun(
  space: Space,
  { id, token, workflow, hash, input, priority, metadata, replyTo }: StartRequest,
): MemoryRun {
  const run: MemoryRun = {
    info: {
      run: String(space.nextKey()),
      id,
      workflow,
      hash,
      priority,
      metadata,
      replyTo,
    },
    token,
    input: input.slice(),
    createdAt: space.now(),
    status: 'running',
    current: true,
    output: undefined,
    failure: undefined,
    retryToken: undefined,
    reason: undefined,
    by: undefined,
    startedAt: undefined,
    finishedAt: undefined,
    rows: new Map(),
    open: new Set(),
    arrivals: new Map(),
    waits: new Map(),
    mail: new Map(),
  };
  space.runs.set(run.info.run, run);
  space.byToken.set(token, run);
  space.current.set(id, run);
  return run;
}
