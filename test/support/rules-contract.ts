/**
 * The rules of runs, as users see them: whatever a run lives on, the same things happen to it. Every test is one rule
 * of a theme, and starts runs of its own workflows; they share a connection and a worker, and run side by side.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import type { Baton } from '../../src/client/baton.js';
import type { Workflow } from '../../src/core/flow.js';
import type { Worker } from '../../src/runtime/worker.js';
import { cancelling } from './rules-contract/cancelling.js';
import { context } from './rules-contract/context.js';
import { encoding } from './rules-contract/encoding.js';
import { failing } from './rules-contract/failing.js';
import { heartbeats } from './rules-contract/heartbeats.js';
import { pausing } from './rules-contract/pausing.js';
import { payloadLimit } from './rules-contract/payload-limit.js';
import { prioritiesAndTags } from './rules-contract/priorities-and-tags.js';
import { results } from './rules-contract/results.js';
import { retryPolicy } from './rules-contract/retry-policy.js';
import { retryingRuns } from './rules-contract/retrying-runs.js';
import { schemas } from './rules-contract/schemas.js';
import { signals } from './rules-contract/signals.js';
import { starting } from './rules-contract/starting.js';
import { statuses } from './rules-contract/statuses.js';
import type { Rules, RulesPlace } from './rules-contract/theme.js';
import { timingOut } from './rules-contract/timing-out.js';
import { versions } from './rules-contract/versions.js';

const THEMES: Readonly<Record<string, (rules: Rules) => void>> = {
  'a task that fails': failing,
  'a retry policy': retryPolicy,
  'retry() of a failed run': retryingRuns,
  'a timeout': timingOut,
  'a heartbeat': heartbeats,
  "a task's context": context,
  'definition hash': versions,
  codec: encoding,
  'the payload limit': payloadLimit,
  schemas,
  signals,
  starting,
  cancelling,
  pausing,
  status: statuses,
  results,
};

const CONCURRENCY = 100;
const TIMEOUT_MS = 20_000;

export function rulesContract(name: string, open: () => Promise<RulesPlace>): void {
  describe(name, () => {
    const workflows: Workflow[] = [];
    let place: RulesPlace;
    let baton: Baton;
    let worker: Worker;
    beforeAll(async () => {
      place = await open();
      baton = await place.connect();
      worker = baton.worker({ workflows, concurrency: CONCURRENCY });
      await worker.start();
    });
    afterAll(async () => {
      await worker.stop({ timeout: 0 });
      await baton.close();
      await place.close();
    });
    const rules: Rules = {
      known(workflow) {
        workflows.push(workflow);
        return workflow;
      },
      get place() {
        return place;
      },
      get baton() {
        return baton;
      },
      get worker() {
        return worker;
      },
    };
    for (const [theme, tests] of Object.entries(THEMES))
      describe.concurrent(theme, { timeout: TIMEOUT_MS }, () => tests(rules));
    // By itself: what is chosen is what has been delivered, and a process this busy hears of it late.
    describe('priorities and tags', { timeout: TIMEOUT_MS }, () => prioritiesAndTags(rules));
  });
}
