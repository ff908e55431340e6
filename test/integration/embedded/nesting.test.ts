import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Baton, connect } from 'batonmq';
import { afterAll, beforeAll, inject } from 'vitest';
import { delays, left, nesting, right, twice } from '../../fixtures/nesting.mjs';
import { nestingContract } from '../../support/nesting-contract.js';

let folder: string;
let batons: Baton[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'baton-embedded-'));
  cpSync(inject('embeddedTemplate'), folder, { recursive: true });
  batons = await Promise.all([1, 2].map(() => connect({ embedded: folder })));
  for (const baton of batons) await baton.worker({ workflows: [delays, left, nesting, right, twice] }).start();
});

afterAll(async () => {
  for (const baton of batons) await baton.close();
  rmSync(folder, { recursive: true, force: true });
});

nestingContract(() => batons[0] as Baton);
