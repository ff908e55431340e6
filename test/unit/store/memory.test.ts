import { MemoryState } from '../../../src/store/memory/state.js';
import { MemoryStore } from '../../../src/store/memory/store.js';
import { storeContract } from '../../support/store-contract.js';

storeContract('the store in memory', async () => {
  let passedMs = 0;
  const state = new MemoryState({ now: () => Date.now() + passedMs });
  return {
    open: async (namespace = 'contract') => new MemoryStore(state, { namespace }),
    advance: async (ms) => {
      passedMs += ms;
    },
    abandon: async (session) => state.abandon(session),
    close: async () => {},
  };
});
