/** The rule for names: of workflows, tasks, branches, signals and namespaces. */
import { InvalidDefinitionError } from './errors.js';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The name itself. `what` says whose it is ("id of a task"). Throws InvalidDefinitionError where it breaks the rule. */
export function checkName(name: unknown, what: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  const got = typeof name === 'string' ? JSON.stringify(name) : typeof name;
  throw new InvalidDefinitionError(`${what}: ${got} is no name; use 1 to 64 of the characters A-Z a-z 0-9 _ -`);
}
