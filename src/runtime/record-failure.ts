/** A failed attempt: backed off while its policy has retries left, else the end of its run. */
import { nextDelayMs } from '../core/retry.js';
import { serializeError } from '../core/serialize-error.js';
import type { Engaged } from './engaged.js';
import { type Leased, NOTHING_TO_DO, type Settled } from './leased.js';
import type { Failed } from './outcome.js';
import { persist } from './persist.js';
import { report } from './report.js';

export async function recordFailure(leased: Leased, failed: Failed, engaged: Engaged): Promise<Settled> {
  const delayMs = retryDelayMs(leased, failed);
  return delayMs === undefined ? failRun(leased, failed, engaged) : backOff(leased, failed, delayMs, engaged);
}

/** How long the next attempt waits; undefined where there is none. */
function retryDelayMs({ node, activation }: Leased, { final, retryAfterMs }: Failed): number | undefined {
  const policy = node.kind === 'task' ? node.policy.retry : undefined;
  if (final || policy === undefined || activation.attempt > policy.maxRetries) return undefined;
  return retryAfterMs ?? nextDelayMs(policy, activation.attempt, Math.random());
}

async function backOff(
  leased: Leased,
  { error, timedOut }: Failed,
  delayMs: number,
  engaged: Engaged,
): Promise<Settled> {
  const { run, path, number } = leased.activation;
  const request = { run, path, number, delayMs, error: serializeError(error), progress: leased.held.progress };
  const kept = await persist(engaged.settling, () => engaged.leases.backOff(request));
  if (kept) engaged.dueIn(delayMs);
  report(leased, engaged, kept ? (timedOut ? 'timed_out' : 'retrying') : 'lost');
  return NOTHING_TO_DO;
}

async function failRun(leased: Leased, { error, timedOut }: Failed, engaged: Engaged): Promise<Settled> {
  const { run, path, number, attempt } = leased.activation;
  const { node, held } = leased;
  const failure = { run, path, number, attempt, task: node.id, error: serializeError(error), progress: held.progress };
  const { leases } = engaged;
  const result = await persist(engaged.settling, () => leases.store.fail(leases.session, failure));
  report(leased, engaged, result.kind === 'lost' ? 'lost' : timedOut ? 'timed_out' : 'failed');
  if (result.kind === 'failed') {
    engaged.ended(result.ended);
    void engaged.dispatcher.announceControl(run);
  }
  return NOTHING_TO_DO;
}
