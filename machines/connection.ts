/**
 * A client's connection, as it is told: connecting → connected ⇄ blocked → reconnecting → closed. The client
 * reconnects by itself; this only mirrors it, so that others can wait for a state and the inspector shows it.
 */
import { assign, setup } from 'xstate';

export interface ConnectionContext {
  /** What is connected, such as `RabbitMQ`. */
  readonly client: string;
  /** How often it was lost since it was first there. */
  readonly losses: number;
}

/** One event per state that a client can report; `connection.closed` is final in every state. */
export type ConnectionEvent =
  | { readonly type: 'connection.up' }
  | { readonly type: 'connection.blocked' }
  | { readonly type: 'connection.down' }
  | { readonly type: 'connection.closed' };

export const connectionMachine = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    input: {} as { readonly client: string },
  },
  actions: {
    countLoss: assign({ losses: ({ context }) => context.losses + 1 }),
  },
}).createMachine({
  id: 'connection',
  context: ({ input }) => ({ client: input.client, losses: 0 }),
  initial: 'connecting',
  on: { 'connection.closed': '.closed' },
  states: {
    connecting: {
      on: {
        'connection.up': 'connected',
        'connection.blocked': 'blocked',
        'connection.down': 'reconnecting',
      },
    },
    connected: {
      on: {
        'connection.blocked': 'blocked',
        'connection.down': { target: 'reconnecting', actions: 'countLoss' },
      },
    },
    blocked: {
      on: {
        'connection.up': 'connected',
        'connection.down': { target: 'reconnecting', actions: 'countLoss' },
      },
    },
    reconnecting: {
      on: {
        'connection.up': 'connected',
        'connection.blocked': 'blocked',
      },
    },
    closed: { type: 'final' },
  },
});
