import { expect, test } from 'vitest';
import { flow, type TaskContext, task, type Workflow } from '../../../src/core/flow.js';
import type { Priority } from '../../../src/core/model.js';
import { limits } from '../../../src/runtime/limits.js';
import { eventually } from '../eventually.js';
import { gate, type Rules, soon } from './theme.js';

export function prioritiesAndTags(rules: Rules): void {
  test("the most urgent first, then the first, also after a long task; a task's own priority wins over the run's", async () => {
    const [free, busy] = [gate(), gate()];
    const ran: string[] = [];
    const note = (_: unknown, { runId }: TaskContext) => void ran.push(runId);
    const usual = flow<number>('usual').then('note', note).build();
    const urgent = flow<number>('urgent').then('note', note, { priority: 1 }).build();
    const blocker = flow<number>('blocker')
      .then('block', async () => {
        busy.open();
        await free.opened;
      })
      .build();
    const worker = rules.baton.worker({ workflows: [usual, urgent, blocker], concurrency: 1 });
    await worker.start();
    await rules.baton.start(blocker, 1);
    await busy.opened;
    const busyAt = performance.now();
    const start = (workflow: Workflow<number, void>, id: string, priority?: Priority) =>
      rules.baton.start(workflow, 1, { id, ...(priority === undefined ? {} : { priority }) });
    const runs = [await start(usual, 'order-5', 5), await start(usual, 'order-3'), await start(usual, 'order-2', 2)];
    runs.push(await start(usual, 'order-4', 4), await start(usual, 'order-3b'), await start(urgent, 'order-own', 5));
    // With its slot busy for long it consumes nothing any more, and has given back what it held, for others to take.
    await eventually(async () => {
      expect(performance.now() - busyAt).toBeGreaterThan(limits.saturatedMs + 100);
      const { queues } = await rules.baton.diagnose();
      const own = queues.filter(({ workflow }) => workflow === usual.name || workflow === urgent.name);
      expect(own.map(({ depth }) => depth?.consumers)).toEqual(Array(5).fill(0));
      expect(own.reduce((sum, { depth }) => sum + (depth?.ready ?? 0), 0)).toBe(runs.length);
    });
    free.open();
    await Promise.all(runs.map((run) => run.result(soon)));
    expect(ran).toEqual(['order-own', 'order-2', 'order-3', 'order-3b', 'order-4', 'order-5']);
    await worker.stop();
  });

  test('a worker with tags takes tasks whose tags are among its own, and untagged ones; one without tags takes all', async () => {
    const takers = new Map<string, string>();
    const noted = (id: string, tags: string[]) => task(id, () => id, { tags });
    const tagged = flow<string>('tagged')
      .then(noted('plain', []))
      .then(noted('eu', ['eu']))
      .then(noted('both', ['gpu', 'eu']))
      .then(noted('us', ['us']))
      .build();
    const work = async (id: string, tags: string[]) => {
      const worker = rules.baton.worker({ workflows: [tagged], id, tags });
      worker.on('task', ({ taskId, outcome }) => outcome === 'completed' && takers.set(taskId, id));
      await worker.start();
      return worker;
    };
    const workers = [await work('eu', ['eu'])];
    const run = await rules.baton.start(tagged, '');
    await eventually(async () => expect(await run.taskResult('eu')).toBe('eu'));
    workers.push(await work('gpu', ['gpu', 'eu', 'more']));
    await eventually(async () => expect(await run.taskResult('both')).toBe('both'));
    expect(await run.status()).toEqual({ status: 'running' });
    expect((await run.describe()).nodes.at(-1)).toMatchObject({ node: 'us', state: 'ready' });
    expect(Object.fromEntries(takers)).toMatchObject({ plain: 'eu', eu: 'eu', both: 'gpu' });
    workers.push(await work('all', []));
    expect(await run.result(soon)).toBe('us');
    expect(takers.get('us')).toBe('all');
    await Promise.all(workers.map((worker) => worker.stop()));
  });
}
