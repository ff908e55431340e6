/**
 * What users test their workflows with: in memory, on a clock that the test turns, and on real services.
 *
 *     import { createHarness, pathOf, startServices } from 'batonmq/testing';
 */
export { createHarness, type Harness, type HarnessOptions, RunStuckError } from './harness.js';
export { pathOf, type Step, stepsOf } from './path.js';
export { NoServiceError } from './services/find-service.js';
export { type Services, type ServicesOptions, startServices } from './services/start-services.js';
