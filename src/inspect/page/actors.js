/** The list on the left: the actors of each process, and its deliveries taken together. One is chosen. */
import { element, keyed, processName, toneOf } from './words.js';

/** Actors below the one that made them; deliveries last, as if they were one actor. */
export function actorsOf(frame) {
  const children = (parent) => frame.actors.filter((actor) => actor.parent === parent);
  const known = new Set(frame.actors.map(({ key }) => key));
  const roots = frame.actors.filter(({ parent }) => parent === undefined || !known.has(parent));
  const withChildren = (actor, depth) => [
    { ...actor, depth },
    ...children(actor.key).flatMap((child) => withChildren(child, Math.min(depth + 1, 1))),
  ];
  const named = [...roots].sort((a, b) => Number(a.machine === 'connection') - Number(b.machine === 'connection'));
  const actors = named.flatMap((actor) => withChildren(actor, 0));
  return actors.some(({ machine }) => machine === 'worker') ? [...actors, deliveriesOf(frame)] : actors;
}

function deliveriesOf({ deliveries: { inFlight, shown } }) {
  const phases = [...new Set(shown.map(({ phase }) => phase))].filter((phase) => phase !== 'settled');
  return { key: 'deliveries', id: 'deliveries', machine: 'delivery', states: phases, inFlight, facts: {}, depth: 0 };
}

export function showActors(parent, frames, chosen, choose) {
  keyed(
    parent,
    frames,
    (frame) => frame.process,
    () => {
      const section = element('section', undefined, 'process');
      section.append(element('h3'), element('div'));
      return section;
    },
    (section, frame) => {
      const [heading, list] = section.children;
      heading.textContent = processName(frame);
      keyed(
        list,
        actorsOf(frame),
        (actor) => actor.key,
        button,
        (made, actor) => {
          fill(made, actor);
          const current = chosen?.process === frame.process && chosen.key === actor.key;
          made.setAttribute('aria-current', String(current));
          made.onclick = () => choose({ process: frame.process, key: actor.key });
        },
      );
    },
  );
}

function button() {
  const made = element('button', undefined, 'actor');
  made.type = 'button';
  const dot = element('i');
  dot.setAttribute('aria-hidden', 'true');
  made.append(dot, element('span', '', 'name'), element('span', '', 'state'));
  return made;
}

function fill(made, actor) {
  const [, name, state] = made.children;
  const said = actor.inFlight === undefined ? actor.states.join(', ') : `${actor.inFlight} in flight`;
  made.dataset.depth = actor.depth;
  made.dataset.tone = actor.inFlight === undefined ? toneOf(actor) : actor.inFlight > 0 ? 'good' : 'quiet';
  name.textContent = actor.id;
  state.textContent = said;
  made.title = `${actor.machine} ${actor.id}: ${said}`;
}
