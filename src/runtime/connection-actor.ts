/** A connection as an actor of `machines/connection.ts`: it mirrors what the client says of itself. */
import { type ActorRefFrom, createActor } from 'xstate';
import { type ConnectionEvent, connectionMachine } from '../../machines/connection.js';
import type { Inspection } from './inspection.js';

export type ConnectionActor = ActorRefFrom<typeof connectionMachine>;

/** What stores and transports have in common. */
export interface Connected {
  readonly state: 'connecting' | 'up' | 'blocked' | 'down' | 'closed';
  onState(listener: (state: Connected['state']) => void): () => void;
}

/** @param client what is connected, such as `RabbitMQ` */
export function mirror(client: string, connected: Connected, inspection?: Inspection): ConnectionActor {
  const inspected = inspection === undefined ? {} : { inspect: inspection.observer };
  const actor = createActor(connectionMachine, { id: client, input: { client }, ...inspected }).start();
  const tell = (state: Connected['state']) => {
    if (state !== 'connecting') actor.send({ type: `connection.${state}` } satisfies ConnectionEvent);
  };
  tell(connected.state);
  const forget = connected.onState(tell);
  actor.subscribe({ complete: forget });
  return actor;
}
