import { expect, test, vi } from 'vitest';
import { createActor } from 'xstate';
import { breakerMachine } from '../../../machines/index.js';
import { connect } from '../../../src/client/connect.js';
import { ConfigError } from '../../../src/core/errors.js';
import { type Inspector, observerOf } from '../../../src/inspect/inspector.js';

test.each([
  ['a function', (next: () => void) => next],
  ['an observer', (next: () => void) => ({ next })],
  ['an object with `inspect`, as @statelyai/inspect makes', (next: () => void) => ({ inspect: { next } })],
])('%s is an inspector', (_, made) => {
  const seen = vi.fn();
  createActor(breakerMachine, { input: {}, inspect: observerOf(made(seen)) }).start();
  expect(seen).toHaveBeenCalledWith(expect.objectContaining({ type: '@xstate.actor' }));
});

test.each([
  ['text', 'yes'],
  ['a number', 1],
  ['an empty object', {}],
  ['a list', []],
])('%s is none', async (_, given) => {
  const connecting = connect({ embedded: 'memory', inspect: given as unknown as Inspector });
  await expect(connecting).rejects.toThrow(ConfigError);
  await expect(connecting).rejects.toThrow('inspect is true, or what the option `inspect` of XState takes');
});
