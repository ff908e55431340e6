/** Finds every id that the user wrote, in the flow and in the flows that it holds unbuilt. */
import type { Ids } from './ids.js';
import { bodyPlace, stepPlace } from './places.js';
import type { FlowDraft, Step, StepBody } from './steps.js';

export function claimIds(draft: FlowDraft, place: string, ids: Ids): void {
  draft.steps.forEach((step, index) => {
    claimStep(step, stepPlace(place, index), ids);
  });
}

function claimStep(step: Step, place: string, ids: Ids): void {
  switch (step.kind) {
    case 'task':
      ids.claim(step.task.id, place);
      break;
    case 'delay':
      ids.claim(step.id, place);
      break;
    case 'signal':
      if (step.id !== undefined) ids.claim(step.id, place);
      break;
    case 'fork':
      if (step.join !== undefined) ids.claim(step.join.id, place);
      for (const { name, body } of step.branches) claimBody(body, bodyPlace(place, name), ids);
      break;
    case 'route':
      if (step.id !== undefined) ids.claim(step.id, place);
      for (const { key, body } of step.branches) claimBody(body, bodyPlace(place, key), ids);
      if (step.otherwise !== undefined) claimBody(step.otherwise, bodyPlace(place, 'default'), ids);
      break;
    case 'loop':
    case 'map':
      ids.claim(step.id, place);
      // The only task of a loop or map may have its id, as a bare function does.
      if (step.body.kind !== 'task' || step.body.task.id !== step.id) claimBody(step.body, place, ids);
      break;
    case 'child':
      break;
  }
}

function claimBody(body: StepBody, place: string, ids: Ids): void {
  if (body.kind === 'task') ids.claim(body.task.id, place);
  if (body.kind === 'flow') claimIds(body.draft, place, ids);
}
