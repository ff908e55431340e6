/**
 * What every store promises, as tests: `src/store/store.ts` in sentences. Each test has data of its own, and two
 * stores over it, like two processes.
 */
import { describe, test } from 'vitest';
import { cancelling } from './store-contract/cancelling.js';
import { committing } from './store-contract/committing.js';
import { failing } from './store-contract/failing.js';
import { joining } from './store-contract/joining.js';
import { leasing } from './store-contract/leasing.js';
import { mapping } from './store-contract/mapping.js';
import { pausing } from './store-contract/pausing.js';
import { reading } from './store-contract/reading.js';
import { restamping } from './store-contract/restamping.js';
import { retrying } from './store-contract/retrying.js';
import { sessions } from './store-contract/sessions.js';
import { settingUp } from './store-contract/setting-up.js';
import { signalling } from './store-contract/signalling.js';
import { starting } from './store-contract/starting.js';
import { timing } from './store-contract/timing.js';
import { watching } from './store-contract/watching.js';
import { type StoreHarness, World } from './store-contract/world.js';

export type { StoreHarness } from './store-contract/world.js';

const THEMES = {
  'setting up': settingUp,
  starting,
  leasing,
  committing,
  joining,
  mapping,
  timing,
  failing,
  cancelling,
  pausing,
  retrying,
  signalling,
  sessions,
  restamping,
  reading,
  watching,
};

export function storeContract(name: string, makeHarness: () => Promise<StoreHarness>): void {
  const worlds = test.extend<{ world: World }>({
    // biome-ignore lint/correctness/noEmptyPattern: what a fixture needs is read off its pattern
    world: async ({}, use) => {
      const world = await World.open(makeHarness);
      await use(world);
      await world.close();
    },
  });
  describe(name, () => {
    for (const [theme, define] of Object.entries(THEMES)) describe(theme, () => define(worlds));
  });
}
