import { expect, test } from 'vitest';
import { fakeWorker } from '../../support/fake-worker.js';

test('a worker starts from the outside in and stops the same way back', async () => {
  const { worker, log, states } = fakeWorker();
  await worker.start();
  expect(worker.detail).toBe('running.active');
  await worker.stop();
  expect(log).toEqual(['open', 'consume', 'probe', 'quiesce', 'drain', 'release', 'close']);
  expect(states).toEqual(['starting', 'running', 'stopping', 'stopped']);
});
