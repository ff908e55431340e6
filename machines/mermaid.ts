/**
 * A machine as a Mermaid state diagram, made from the machine itself: what is drawn is what runs. Transitions that only
 * change the context aren't drawn, and what the root does in any state is drawn from each state that it concerns.
 */
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** The definition of a transition, as far as it is drawn. */
type Transition = AnyStateNode['always'] extends readonly (infer T)[] | undefined ? T : never;

export function machineToMermaid(machine: AnyStateMachine): string {
  const { root } = machine;
  const lines = ['stateDiagram-v2', ...declarations(root, '  '), ...arrows(root)];
  return `${lines.join('\n')}\n`;
}

/** The name of a state in the diagram; `path` is its dotted path, such as `running.degraded`. */
export function mermaidId(path: string): string {
  return path.replaceAll('.', '__').replace(/\W/g, '_');
}

function declarations(parent: AnyStateNode, indent: string): string[] {
  const first = parent.initial.target?.[0];
  const states = Object.values<AnyStateNode>(parent.states).flatMap((state) => declaration(state, indent));
  return first === undefined ? states : [`${indent}[*] --> ${idOf(first)}`, ...states];
}

function declaration(state: AnyStateNode, indent: string): string[] {
  const name = `${indent}state "${state.key}" as ${idOf(state)}`;
  if (Object.keys(state.states).length === 0) return [name];
  return [`${name} {`, ...declarations(state, `${indent}  `), `${indent}}`];
}

function arrows(root: AnyStateNode): string[] {
  return Object.values<AnyStateNode>(root.states)
    .flatMap(withDescendants)
    .flatMap((state) => {
      const anywhere = state.parent === root && state.type !== 'final' ? leaving(root) : [];
      return arrowsFrom(state, [...leaving(state), ...anywhere.filter(({ eventType }) => !state.on[eventType])]);
    });
}

function withDescendants(state: AnyStateNode): AnyStateNode[] {
  return [state, ...Object.values<AnyStateNode>(state.states).flatMap(withDescendants)];
}

function leaving(state: AnyStateNode): Transition[] {
  return [...state.transitions.values(), state.always ?? []].flat().filter(({ target }) => target !== undefined);
}

/** One arrow a target, labelled with all that leads there. */
function arrowsFrom(state: AnyStateNode, transitions: readonly Transition[]): string[] {
  const labels = new Map<string, string[]>();
  for (const transition of transitions)
    for (const target of transition.target ?? []) {
      const label = labelOf(transition, state);
      if (target !== state) labels.set(idOf(target), [...(labels.get(idOf(target)) ?? []), label]);
    }
  return [...labels].map(([target, causes]) => {
    const text = merged(causes).join('<br/>');
    return `  ${idOf(state)} --> ${target}${text === '' ? '' : `: ${text}`}`;
  });
}

function labelOf({ eventType, guard }: Transition, state: AnyStateNode): string {
  const condition = guard === undefined ? '' : `[${nameOf(guard)}]`;
  return [causeOf(eventType, state), condition].filter(Boolean).join(' ');
}

/** Guards of `setup()` go by their names; a function that is written in place may have none. */
function nameOf(guard: NonNullable<Transition['guard']>): string {
  if (typeof guard === 'function') return guard.name || 'condition';
  return typeof guard === 'string' ? guard : guard.type;
}

/** XState's own names of events, made for machines, in words. */
function causeOf(event: string, state: AnyStateNode): string {
  const [, end, id] = /^xstate\.(done|error)\.actor\.(.*)$/.exec(event) ?? [];
  if (id !== undefined) {
    const actor = state.invoke.find((invoked) => invoked.id === id);
    return `${typeof actor?.src === 'string' ? actor.src : id} ${end === 'done' ? 'done' : 'failed'}`;
  }
  return event.replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1');
}

/** What goes on whatever comes of an actor has one label. */
function merged(causes: readonly string[]): string[] {
  const unique = [...new Set(causes)];
  return unique.flatMap((cause) => {
    const [, actor, end] = /^(\S+) (done|failed)$/.exec(cause) ?? [];
    if (actor === undefined || !unique.includes(`${actor} ${end === 'done' ? 'failed' : 'done'}`)) return [cause];
    return end === 'done' ? [`${actor} done or failed`] : [];
  });
}

const idOf = (state: AnyStateNode): string => mermaidId(state.path.join('.'));
