import { expect, test, vi } from 'vitest';
import { ConnectionError } from '../../../src/core/errors.js';
import { findService, NoServiceError, type ServiceKind } from '../../../src/testing/services/find-service.js';

const container = { url: 'fake://container', stop: async () => {} };

/** A kind of service that answers at these URLs, and whose containers can be started or not. */
function kind(answering: readonly string[], start: () => Promise<typeof container> = async () => container) {
  const startContainer = vi.fn(start);
  const fake: ServiceKind = {
    name: 'Fake',
    variables: ['FAKE_URL', 'OTHER_URL'],
    local: 'fake://local',
    async ping(url) {
      if (!answering.includes(url)) throw new Error(`nobody at ${url.replace(/user:secret@/, '')}`);
    },
    startContainer,
  };
  return { fake, startContainer };
}

test('a service that the environment names is used before any other', async () => {
  const { fake, startContainer } = kind(['fake://named', 'fake://local']);
  expect((await findService(fake, { FAKE_URL: 'fake://named' })).url).toBe('fake://named');
  expect(startContainer).not.toHaveBeenCalled();
});

test('a named service that does not answer is an error, not a reason to take another', async () => {
  const { fake, startContainer } = kind(['fake://local']);
  const looking = findService(fake, { FAKE_URL: 'fake://user:secret@named' });
  await expect(looking).rejects.toThrow(ConnectionError);
  await expect(looking).rejects.toThrow(/^no connection to Fake at named \(FAKE_URL\): nobody at fake:\/\/named/);
  await expect(looking).rejects.not.toThrow(/secret/);
  await expect(looking).rejects.not.toBeInstanceOf(NoServiceError);
  expect(startContainer).not.toHaveBeenCalled();
});

test('without one in the environment, what answers on the default port is used', async () => {
  const { fake, startContainer } = kind(['fake://local']);
  expect((await findService(fake, {})).url).toBe('fake://local');
  expect(startContainer).not.toHaveBeenCalled();
});

test('where nothing answers, a container is started', async () => {
  const { fake } = kind([]);
  expect(await findService(fake, {})).toBe(container);
});

test('where no container can be started either, the error names all three ways', async () => {
  const { fake } = kind([], async () => {
    throw new Error('no Docker here');
  });
  const looking = findService(fake, {});
  await expect(looking).rejects.toBeInstanceOf(NoServiceError);
  await expect(looking).rejects.toThrow(
    /set FAKE_URL, .* default port, .* Docker \(nobody at fake:\/\/local; no Docker here\)/,
  );
});

test('a second variable stands in for the first, and containers can be asked for whatever else there is', async () => {
  const { fake, startContainer } = kind(['fake://other', 'fake://local']);
  expect((await findService(fake, { OTHER_URL: 'fake://other' })).url).toBe('fake://other');
  expect(startContainer).not.toHaveBeenCalled();
  expect(await findService(fake, { OTHER_URL: 'fake://other', BATON_TEST_SERVICES: 'containers' })).toBe(container);
  await expect(findService(fake, { BATON_TEST_SERVICES: 'docker' })).rejects.toThrow(/'containers' or left out/);
});
