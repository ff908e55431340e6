/** Runs the integration tests, or, where `services.ts` found nothing to run them on, shows each of them as skipped. */
import { inject, type RunnerTask, type RunnerTestFile, TestRunner } from 'vitest';

export default class SkippingRunner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    if (inject('servicesMissing') !== '') for (const file of files) skip(file);
  }
}

function skip(task: RunnerTask): void {
  task.mode = 'skip';
  if (task.type === 'suite') task.tasks.forEach(skip);
}
