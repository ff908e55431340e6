/** A connection with one worker in this process, for as long as a measurement takes. */
import { connect } from 'batonmq';

export async function withWorker({ postgres, rabbitmq, namespace, inspect }, options, measure) {
  const baton = await connect({ postgres, rabbitmq, namespace, inspect });
  try {
    await baton.worker({ ...options, handleSignals: false }).start();
    return await measure(baton);
  } finally {
    await baton.close();
  }
}
