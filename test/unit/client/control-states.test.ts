import { controlContract } from '../../support/control-contract.js';
import { inMemory } from '../../support/in-memory.js';

controlContract(
  () => {
    const memory = inMemory();
    return { baton: async () => memory.baton(), close: () => memory.close() };
  },
  process.env.BATON_TEST_STORE === 'embedded' ? 1 : 2,
);
