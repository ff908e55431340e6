import { expectTypeOf, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import type { RunHandle } from '../../../src/client/handle.js';
import { runWorkflow } from '../../../src/client/run-workflow.js';
import { flow, signal } from '../../../src/core/flow.js';

const workflow = flow<{ n: number }>('typed')
  .then('text', ({ n }) => String(n))
  .build();
const approval = signal<{ verdict: 'ship' | 'reject' }>('approval');

test('inputs and outputs are inferred from the workflow', () => {
  // Only compiled, never called.
  const use = async (baton: Baton) => {
    const run = await baton.start(workflow, { n: 1 });
    expectTypeOf(run).toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(await run.result()).toEqualTypeOf<string>();
    expectTypeOf(await baton.startMany(workflow, [{ n: 1 }])).toEqualTypeOf<RunHandle<string>[]>();
    expectTypeOf(baton.run(workflow, 'id')).toEqualTypeOf<RunHandle<string>>();
    expectTypeOf(baton.run('id')).toEqualTypeOf<RunHandle<unknown>>();
    expectTypeOf(await runWorkflow(workflow, { n: 1 })).toEqualTypeOf<string>();
    const status = await run.status();
    if (status.status === 'completed') expectTypeOf(status.output).toEqualTypeOf<string>();
    // @ts-expect-error the input of the workflow is another
    await baton.start(workflow, { n: 'one' });
    // @ts-expect-error the input of the workflow is another
    await runWorkflow(workflow, 1);
    await run.signal(approval, { verdict: 'ship' });
    // @ts-expect-error the payload of the signal is another
    await run.signal(approval, { verdict: 'shipp' });
    await run.signal('anything', { at: 'all' });
  };
  expectTypeOf(use).toBeFunction();
});
