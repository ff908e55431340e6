import { expect, test } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { flow, type Tx, task } from '../../../src/core/flow.js';
import { inMemory } from '../../support/in-memory.js';
import { textOf } from '../../support/rules-contract/stored-text.js';
import { rulesContract } from '../../support/rules-contract.js';

rulesContract('runs in memory', async () => {
  const memory = inMemory();
  const namespaces = new Set<string>();
  return {
    connect: async ({ namespace = 'default', ...options } = {}) => {
      namespaces.add(namespace);
      return memory.baton({ namespace, ...options });
    },
    stored: async () => [...namespaces].map((namespace) => textOf(memory.state.space(namespace).runs)).join(''),
    close: () => memory.close(),
  };
});

test('in memory a start in a transaction, and a task with one, are refused with a ConfigError', async () => {
  const memory = inMemory();
  const writes = flow<string>('writes')
    .then(task.transaction('write', () => 1))
    .build();
  const tx: Tx = { query: () => Promise.reject(new Error('nobody asks it')) };
  await expect(memory.baton().start(writes, 'a', { tx })).rejects.toThrow(ConfigError);
  const worker = async () =>
    memory
      .baton()
      .worker({ workflows: [writes] })
      .start();
  await expect(worker()).rejects.toThrow(/task write of workflow writes is transactional/);
  await memory.close();
});
