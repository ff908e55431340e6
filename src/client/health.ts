/** Whether the services answer. */
import { ConnectionError } from '../core/errors.js';
import type { Health } from '../runtime/health.js';
import type { Connection } from './connection.js';

type Check = Health['checks'][string];

/**
 * `failing` without Postgres; `degraded` while RabbitMQ is away or takes no messages: starts and signals are
 * accepted, and what they started moves on when it is back.
 */
export async function checkHealth({ store, transport }: Connection): Promise<Health> {
  const [postgres, rabbitmq] = await Promise.all([
    timed(true, () => store.ping()),
    timed(false, async () => {
      if (transport.state !== 'up') throw new ConnectionError('RabbitMQ', `(${transport.state})`);
    }),
  ]);
  return { status: postgres.ok ? (rabbitmq.ok ? 'ok' : 'degraded') : 'failing', checks: { postgres, rabbitmq } };
}

async function timed(critical: boolean, check: () => Promise<void>): Promise<Check> {
  const at = new Date();
  const startedAt = performance.now();
  try {
    await check();
    return { ok: true, critical, at, durationMs: performance.now() - startedAt };
  } catch (error) {
    return { ok: false, critical, error: (error as Error).message, at, durationMs: performance.now() - startedAt };
  }
}
