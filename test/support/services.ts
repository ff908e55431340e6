/**
 * Finds the services that integration tests run on, before any of them, as `startServices()` does for users. Without
 * any, the tests are skipped loudly; in CI, and where containers were asked for, the run fails instead.
 */
import type { TestProject } from 'vitest/node';
import { findService, NoServiceError, type Service } from '../../src/testing/services/find-service.js';
import { POSTGRES, RABBITMQ } from '../../src/testing/services/kinds.js';
import { dropLeftovers } from './database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server's maintenance database, as a superuser. */
    databaseUrl: string;
    amqpUrl: string;
    /** Why there are no services: nothing can run then. Empty when there are. */
    servicesMissing: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found: Service[] = [];
  const stop = async () => {
    await Promise.all(found.map((service) => service.stop()));
  };
  try {
    for (const kind of [POSTGRES, RABBITMQ]) found.push(await findService(kind, process.env));
  } catch (error) {
    await stop();
    if (process.env.CI || process.env.BATON_TEST_SERVICES || !(error instanceof NoServiceError)) throw error;
    console.error(`\n${'!'.repeat(100)}\nINTEGRATION TESTS ARE SKIPPED: ${error.message}\n${'!'.repeat(100)}\n`);
    project.provide('servicesMissing', error.message);
    return async () => {};
  }
  const [postgres, rabbitmq] = found as [Service, Service];
  for (const { container } of found) if (container !== undefined) console.log(`started ${container}`);
  await dropLeftovers(postgres.url);
  project.provide('databaseUrl', postgres.url);
  project.provide('amqpUrl', rabbitmq.url);
  project.provide('servicesMissing', '');
  return stop;
}
