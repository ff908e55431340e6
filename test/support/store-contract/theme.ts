import type { TestAPI } from 'vitest';
import type { World } from './world.js';

/** `test`, whose every run has a world of its own. */
export type WorldTest = TestAPI<{ world: World }>;
