/** From steps as they were written to a tree: ids for every node, and everything checked that only the whole shows. */
import { InvalidDefinitionError } from '../errors.js';
import { structureHash } from '../hash.js';
import type { ChildNode, Node, Sequence, TaskNode, Tree, UserFunction } from '../tree.js';
import { claimIds } from './claim-ids.js';
import { Ids } from './ids.js';
import { bodyPlace, stepPlace } from './places.js';
import { inScope } from './scope.js';
import type { FlowDraft, ForkStep, RouteStep, Step, StepBody } from './steps.js';
import type { AnyTask } from './task.js';

/** Throws InvalidDefinitionError. What it returns is frozen. */
export function buildTree(draft: FlowDraft): Tree {
  const { name, version, metadata } = draft;
  const ids = new Ids(name);
  claimIds(draft, name, ids);
  const structure = {
    name,
    ...(version === undefined ? {} : { version }),
    root: buildSteps(draft, name, ids),
  };
  return Object.freeze({
    ...structure,
    hash: structureHash(structure),
    ...(metadata === undefined ? {} : { metadata }),
  });
}

function buildSteps(draft: FlowDraft, place: string, ids: Ids): Sequence {
  if (draft.steps.length === 0) throw new InvalidDefinitionError(`${place}: the flow ${draft.name} has no steps`);
  return Object.freeze(draft.steps.map((step, index) => Object.freeze(buildStep(step, stepPlace(place, index), ids))));
}

function buildStep(step: Step, place: string, ids: Ids): Node {
  switch (step.kind) {
    case 'task':
      return taskNode(step.task);
    case 'fork':
      return buildFork(step, place, ids);
    case 'route':
      return buildRoute(step, place, ids);
    case 'loop':
    case 'map':
      return { ...step, body: buildBody(step.body, place, () => step.id, ids) };
    case 'delay':
      return { ...step };
    case 'signal':
      return { ...step, id: step.id ?? ids.derive(step.signal, place) };
    case 'child':
      return childNode(step.child, ids);
  }
}

function buildFork({ branches, join }: ForkStep, place: string, ids: Ids): Node {
  if (branches.length === 0) throw new InvalidDefinitionError(`${place}: a fork needs at least one branch`);
  refuseTwice(
    branches.map(({ name }) => name),
    `${place}: the fork`,
  );
  const id = join?.id ?? ids.derive('fork', place);
  return {
    kind: 'fork',
    id,
    branches: Object.freeze(
      branches.map(({ name, body }) => Object.freeze({ name, body: buildBranch(body, place, name, ids) })),
    ),
    ...(join === undefined ? {} : { join: Object.freeze({ fn: join.fn }) }),
  };
}

function buildRoute({ id: written, key, keys, branches, otherwise }: RouteStep, place: string, ids: Ids): Node {
  const id = written ?? ids.derive('route', place);
  const where = `${place}: route ${id}`;
  const taken = branches.map((branch) => branch.key);
  refuseTwice(keys, where);
  refuseTwice(taken, where);
  const orphan = taken.find((branch) => !keys.includes(branch));
  if (orphan !== undefined) {
    throw new InvalidDefinitionError(
      `${where} has a branch ${JSON.stringify(orphan)}, which is none of its keys: ${keys.join(', ')}`,
    );
  }
  const missing = keys.filter((branch) => !taken.includes(branch));
  if (missing.length > 0 && otherwise === undefined) {
    throw new InvalidDefinitionError(`${where} has no branch for ${missing.join(', ')}, and no default branch`);
  }
  if (keys.length === 0 && otherwise === undefined)
    throw new InvalidDefinitionError(`${where} has no keys and no default branch`);
  return {
    kind: 'route',
    id,
    key,
    branches: Object.freeze(
      branches.map(({ key, body }) => Object.freeze({ key, body: buildBranch(body, place, key, ids) })),
    ),
    ...(otherwise === undefined ? {} : { otherwise: buildBranch(otherwise, place, 'default', ids) }),
  };
}

function buildBranch(body: StepBody, place: string, name: string, ids: Ids): Sequence {
  const here = bodyPlace(place, name);
  return buildBody(body, here, () => ids.derive(name, here), ids);
}

/** `idOfFunction` names a bare function's task. */
function buildBody(body: StepBody, place: string, idOfFunction: () => string, ids: Ids): Sequence {
  switch (body.kind) {
    case 'task':
      return only(taskNode(body.task));
    case 'function':
      return only(functionNode(idOfFunction(), body.fn));
    case 'flow':
      return buildSteps(body.draft, place, ids);
    case 'workflow':
      return only(childNode(body, ids));
  }
}

function taskNode({ id, fn, transactional, version, policy }: AnyTask): TaskNode {
  return { kind: 'task', id, ...(version === undefined ? {} : { version }), transactional, fn, policy };
}

function functionNode(id: string, fn: UserFunction): TaskNode {
  return { kind: 'task', id, transactional: false, fn, policy: Object.freeze({ tags: Object.freeze([]) }) };
}

function childNode(child: Extract<StepBody, { kind: 'flow' | 'workflow' }>, ids: Ids): ChildNode {
  const { name, version, root } = child.kind === 'workflow' ? child.tree : buildTree(child.draft);
  const id = ids.scope(name);
  return { kind: 'child', id, workflow: name, ...(version === undefined ? {} : { version }), body: inScope(id, root) };
}

function only(node: Node): Sequence {
  return Object.freeze([Object.freeze(node)]);
}

function refuseTwice(names: readonly string[], where: string): void {
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new InvalidDefinitionError(`${where} has ${JSON.stringify(twice)} twice`);
}
