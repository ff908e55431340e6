/** A route under construction: keys, then a branch for each, then `done()`. What is missing is found by `build()`. */
import { InvalidDefinitionError } from '../errors.js';
import { checkName } from '../names.js';
import type { UserFunction } from '../tree.js';
import { toBody } from './body.js';
import type { RouteStep } from './steps.js';
import { checkFunction } from './task.js';

export class RouteBuilder<F> {
  constructor(
    private readonly step: RouteStep,
    /** Continues the flow behind the route. */
    private readonly end: (step: RouteStep) => F,
  ) {}

  branch(key: string, body: unknown): RouteBuilder<F> {
    const where = `branch ${JSON.stringify(key)} of ${nameOf(this.step)}`;
    checkName(key, where);
    return this.#with({ branches: [...this.step.branches, { key, body: toBody(body, where) }] });
  }

  defaultBranch(body: unknown): RouteBuilder<F> {
    const where = `the default branch of ${nameOf(this.step)}`;
    if (this.step.otherwise !== undefined) throw new InvalidDefinitionError(`${where} is there already`);
    return this.#with({ otherwise: toBody(body, where) });
  }

  done(): F {
    return this.end(this.step);
  }

  #with(change: Partial<RouteStep>): RouteBuilder<F> {
    return new RouteBuilder({ ...this.step, ...change }, this.end);
  }
}

/** The step that `route(id?, key, keys)` begins. */
export function routeStep(args: readonly unknown[]): RouteStep {
  const [id, key, keys] = typeof args[0] === 'string' ? args : [undefined, ...args];
  if (id !== undefined) checkName(id, 'id of a route');
  const step = {
    kind: 'route',
    id: id as string | undefined,
    key: key as UserFunction,
    branches: [],
    otherwise: undefined,
  } as const;
  checkFunction(key, nameOf(step));
  if (!Array.isArray(keys)) throw new InvalidDefinitionError(`${nameOf(step)} needs the list of its keys`);
  for (const one of keys) checkName(one, `key of ${nameOf(step)}`);
  return { ...step, keys: [...keys] as string[] };
}

const nameOf = ({ id }: Pick<RouteStep, 'id'>): string => (id === undefined ? 'a route' : `route ${id}`);
