/** Starting: many runs in one call, each stored and its message confirmed by the broker. No worker takes them. */
import { connect, flow } from 'batonmq';

const single = flow('single')
  .then('never', (value) => value)
  .build();

/** Runs per second, from the call to the last handle. */
export async function measureStartMany({ postgres, rabbitmq, namespace }, { runs }) {
  const baton = await connect({ postgres, rabbitmq, namespace });
  try {
    await baton.startMany(single, Array(Math.ceil(runs / 5)).fill(0));
    const from = performance.now();
    const handles = await baton.startMany(single, Array(runs).fill(0));
    const perSecond = runs / ((performance.now() - from) / 1_000);
    if (new Set(handles.map(({ id }) => id)).size !== runs) throw new Error('two runs share an id');
    return perSecond;
  } finally {
    await baton.close();
  }
}
