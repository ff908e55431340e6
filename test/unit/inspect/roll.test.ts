import { expect, test } from 'vitest';
import { createActor } from 'xstate';
import { connectionMachine, workerMachine } from '../../../machines/index.js';
import { Roll } from '../../../src/inspect/roll.js';
import { eventually } from '../../support/eventually.js';

const idsOf = (roll: Roll) => roll.living().map(({ actorRef }) => (actorRef as { id?: string }).id);

test('who lives is on the roll, parents before their children; who has ended isn’t', () => {
  const roll = new Roll();
  const inspect = (event: Parameters<Roll['note']>[0]) => roll.note(event);
  const worker = createActor(workerMachine, { id: 'w', input: { startupTimeoutMs: 10 }, inspect }).start();
  worker.send({ type: 'start.requested' });
  createActor(connectionMachine, { id: 'c', input: { client: 'c' }, inspect }).start();
  expect(idsOf(roll)).toEqual(['w', '0.worker.starting.serving', 'c']);
  worker.send({ type: 'stop.requested' });
  expect(idsOf(roll)).toEqual(['w', 'c', '0.worker.stopping.unserving']);
});

test('it stays short, however many come and go', async () => {
  const roll = new Roll();
  let asked = 0;
  for (let i = 0; i < 400; i++) {
    const actor = createActor(connectionMachine, {
      input: { client: 'c' },
      inspect: (event) => roll.note(event),
    }).start();
    actor.send({ type: 'connection.closed' });
    if (i % 50 === 0) await new Promise(setImmediate);
    asked = Math.max(asked, roll.size);
  }
  expect(asked).toBeLessThan(300);
  await eventually(() => expect(roll.size).toBeLessThan(150));
});
