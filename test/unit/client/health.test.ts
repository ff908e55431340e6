import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { inMemory, type Memory } from '../../support/in-memory.js';

let memory: Memory;
let baton: Baton;
beforeEach(() => {
  memory = inMemory();
  baton = memory.baton();
});
afterEach(() => memory.close());

test('health is ok, degraded without the broker, failing without the database', async () => {
  expect(await baton.health()).toMatchObject({
    status: 'ok',
    checks: { postgres: { ok: true }, rabbitmq: { ok: true } },
  });
  memory.broker.setDown(true);
  expect(await baton.health()).toMatchObject({
    status: 'degraded',
    checks: { rabbitmq: { ok: false, error: expect.stringContaining('down') } },
  });
  const away = memory.baton({ store: { ping: () => Promise.reject(new Error('gone')) } });
  expect(await away.health()).toMatchObject({
    status: 'failing',
    checks: { postgres: { ok: false, error: 'gone' } },
  });
});
