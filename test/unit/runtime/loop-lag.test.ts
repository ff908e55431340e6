import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { Baton } from '../../../src/client/baton.js';
import { Connection } from '../../../src/client/connection.js';
import { jsonCodec } from '../../../src/core/codec.js';
import { flow } from '../../../src/core/flow.js';
import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import { InProcessBroker } from '../../../src/transport/in-process.js';
import { InProcessTransport } from '../../../src/transport/in-process-transport.js';
import { eventually } from '../../support/eventually.js';

const blocking = flow<number>('blocking')
  .then('compute', (ms, { signal }) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    return signal.aborted;
  })
  .build();

let baton: Baton;
afterEach(() => baton.close());

interface Warning {
  readonly msg: string;
  readonly tasks?: readonly object[];
}

/** A worker in memory, and what it warned of. */
async function warned(leaseTtl: string): Promise<Warning[]> {
  const warnings: Warning[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(JSON.parse(line) as Warning) });
  const own = { namespace: 'default', codec: jsonCodec, logger };
  const store = new MemoryStore(new MemoryState(), own);
  const transport = new InProcessTransport(new InProcessBroker(), 'default');
  baton = new Baton(new Connection({ ...own, store, transport }));
  await baton.worker({ workflows: [blocking], leaseTtl }).start();
  return warnings;
}

/** The first warning that names a task. */
function named(warnings: readonly Warning[]): Promise<Warning> {
  return eventually(
    () => {
      const found = warnings.find(({ tasks = [] }) => tasks.length > 0);
      if (found === undefined) throw new Error('none so far');
      return found;
    },
    { what: 'a warning that names a task' },
  );
}

test('a task that holds up its process for over a second is named afterwards, with how long it was', async () => {
  const warnings = await warned('30s');
  const run = await baton.start(blocking, 1_400, { id: 'B-1' });
  await run.result();
  const { msg, tasks } = await named(warnings);
  expect(tasks).toEqual([{ runId: 'B-1', workflow: 'blocking', taskId: 'compute', attempt: 1 }]);
  expect(msg).toMatch(/nothing moved in this process for \d\.\d s; a task/);
});

test('and where that was longer than its lease, that its tasks may run elsewhere', async () => {
  const warnings = await warned('600ms');
  const run = await baton.start(blocking, 1_400);
  await run.result();
  expect((await named(warnings)).msg).toContain('longer than its leases (600 ms)');
});
