import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../../machines/connection.js';

type Word = 'up' | 'blocked' | 'down' | 'closed';
type State = 'connecting' | 'connected' | 'blocked' | 'reconnecting' | 'closed';

const REACHED_BY: Record<State, readonly Word[]> = {
  connecting: [],
  connected: ['up'],
  blocked: ['up', 'blocked'],
  reconnecting: ['up', 'down'],
  closed: ['closed'],
};

const NEXT: Record<State, Record<Word, State>> = {
  connecting: { up: 'connected', blocked: 'blocked', down: 'reconnecting', closed: 'closed' },
  connected: { up: 'connected', blocked: 'blocked', down: 'reconnecting', closed: 'closed' },
  blocked: { up: 'connected', blocked: 'blocked', down: 'reconnecting', closed: 'closed' },
  reconnecting: { up: 'connected', blocked: 'blocked', down: 'reconnecting', closed: 'closed' },
  closed: { up: 'closed', blocked: 'closed', down: 'closed', closed: 'closed' },
};

function actorAfter(words: readonly Word[]) {
  const actor = createActor(connectionMachine, { input: { client: 'RabbitMQ' } }).start();
  for (const word of words) actor.send({ type: `connection.${word}` } as ConnectionEvent);
  return actor;
}

describe('the mirror of a connection', () => {
  const pairs = Object.entries(NEXT).flatMap(([from, row]) =>
    Object.entries(row).map(([word, to]) => [from as State, word as Word, to] as const),
  );

  test.each(pairs)('%s, told connection.%s, is %s', (from, word, to) => {
    expect(actorAfter(REACHED_BY[from]).getSnapshot().value).toBe(from);
    expect(actorAfter([...REACHED_BY[from], word]).getSnapshot().value).toBe(to);
  });

  test('knows no state and no event beyond these', () => {
    expect(Object.keys(connectionMachine.states).sort()).toEqual(Object.keys(NEXT).sort());
    expect([...connectionMachine.events].sort()).toEqual([
      'connection.blocked',
      'connection.closed',
      'connection.down',
      'connection.up',
    ]);
  });

  test('counts losses, but not failures to connect while it is lost', () => {
    const actor = actorAfter(['down', 'up', 'down', 'down', 'blocked', 'down']);
    expect(actor.getSnapshot().context).toEqual({ client: 'RabbitMQ', losses: 2 });
  });

  test('is done once it is closed', () => {
    expect(actorAfter(['closed']).getSnapshot().status).toBe('done');
  });
});
