import { describe, expect, test } from 'vitest';
import { branch, flow, task } from '../../../src/core/flow.js';
import type { QueueSpec } from '../../../src/core/model.js';
import { Registry } from '../../../src/runtime/registry.js';

const work = (tags: string[]) => task('work', (x: number) => x, { tags });
const plain = flow<number>('shop')
  .then(work(['new']))
  .build();
const forked = flow<number>('forked')
  .fork([
    branch(
      'a',
      task('a', (x: number) => x, { tags: ['eu'] }),
    ),
    branch(
      'b',
      task('b', (x: number) => x, { tags: ['gpu'] }),
    ),
  ])
  .build();

const queueOf = ({ name: workflow, hash }: typeof plain | typeof forked, tags: string[]): QueueSpec => ({
  workflow,
  hash,
  tags,
  priority: 3,
});

describe('the queues that a worker takes from', () => {
  test.each([
    { own: [], tags: [], takes: true },
    { own: [], tags: ['gpu'], takes: true },
    { own: ['gpu'], tags: [], takes: true },
    { own: ['gpu', 'eu'], tags: ['eu'], takes: true },
    { own: ['gpu'], tags: ['eu'], takes: false },
    { own: ['gpu'], tags: ['eu', 'gpu'], takes: false },
  ])('$own takes of $tags: $takes', ({ own, tags, takes }) => {
    expect(new Registry([forked], own).fits(queueOf(forked, tags))).toBe(takes);
  });

  test('are only those of structures that it knows', () => {
    expect(new Registry([forked], []).fits(queueOf(plain, []))).toBe(false);
  });

  test('are those, too, whose tags no task has any more, where it may run every task', () => {
    expect(new Registry([plain], ['new']).fits(queueOf(plain, ['old']))).toBe(true);
    expect(new Registry([plain], ['old-fashioned']).fits(queueOf(plain, ['old']))).toBe(false);
    expect(new Registry([forked], ['eu']).fits(queueOf(forked, ['old']))).toBe(false);
    expect(new Registry([forked], ['eu', 'gpu']).fits(queueOf(forked, ['old']))).toBe(true);
  });
});
