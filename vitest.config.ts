/**
 * Three suites: `unit` needs nothing, `embedded` runs what users do with runs and workers on Postgres in the process,
 * and `integration` needs the services of test/support/services.ts.
 */
import { defineConfig } from 'vitest/config';

/** Files that take their time whatever the numbers. */
const LONG_ONLY = [
  // Of the tests' own brokers, which every test that kills one tries as well.
  'test/integration/support/rabbitmq-server.test.ts',
  // The verdicts and the counting of losses have short tests, too.
  'test/integration/engine/poison.test.ts',
  // A broker looks once a minute, or whenever the test asks it to.
  'test/integration/engine/consumer-timeout.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    // Each integration file has processes of its own besides.
    maxWorkers: 2,
    // Of tests that run side by side in one file: they wait for the services, and for their timers.
    maxConcurrency: 20,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: 'test/types/tsconfig.json' },
          // Hundreds of generated cases a test, on a machine that may have other things to do.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'embedded',
          include: ['test/unit/client/{control,list,results,start}.test.ts', 'test/unit/cli/{commands,worker}.test.ts'],
          globalSetup: 'test/support/embedded-template.ts',
          env: { BATON_TEST_STORE: 'embedded' },
          testTimeout: 15_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: process.env.BATON_LONG ? [] : LONG_ONLY,
          globalSetup: ['test/support/services.ts', 'test/support/embedded-template.ts'],
          runner: 'test/support/skipping-runner.ts',
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Tests of real services on a busy machine. The report marks what had to be tried again: that is a bug to find.
          retry: process.env.CI ? 1 : 0,
        },
      },
    ],
  },
});
