/** Takes what the stream tells, keeps the latest of each process, and shows it. */
import { actorsOf, showActors } from './actors.js';
import { showDeliveries } from './deliveries.js';
import { Diagram } from './diagram.js';
import { Log } from './log.js';
import { duration, element, keyed, processName, toneOf, words } from './words.js';

/** As long as nobody ever says nothing, in ms: then what is shown is old. */
const SILENCE_MS = 7_000;
/** Rates are taken over so long, in ms. */
const RATE_MS = 3_000;

const $ = (id) => document.getElementById(id);
const processes = new Map();
const settled = new Map();
const log = new Log($('events'), $('events-none'));
let chosen;
let heardAt = Number.NEGATIVE_INFINITY;

const { namespace, machines } = await (await fetch('/inspect/machines')).json();
const diagram = new Diagram($('diagram'), machines);
$('namespace').textContent = namespace;
document.title = `Baton inspector · ${namespace}`;

const stream = new EventSource('/inspect/events');
stream.addEventListener('error', () => {
  heardAt = Number.NEGATIVE_INFINITY;
  show();
});
stream.addEventListener('message', ({ data }) => {
  const { first, frames, gone } = JSON.parse(data);
  if (first) processes.clear();
  heardAt = performance.now();
  for (const frame of frames) take(frame);
  for (const process of gone) processes.delete(process);
  show();
});
$('fit').addEventListener('click', () => {
  const fit = $('fit').getAttribute('aria-pressed') !== 'true';
  $('fit').setAttribute('aria-pressed', String(fit));
  diagram.fit = fit;
});
$('copy').addEventListener('click', () => void copy());
// Time goes by, also when nothing happens.
setInterval(show, 500);

function take(frame) {
  const known = { ...frame, ahead: frame.at - Date.now() };
  processes.set(frame.process, known);
  const before = settled.get(frame.process) ?? [];
  const samples = before.filter(({ at, count }) => frame.at - at < RATE_MS && count <= frame.deliveries.settled);
  settled.set(frame.process, [...samples, { at: frame.at, count: frame.deliveries.settled }]);
  log.add(known);
}

function show() {
  const frames = [...processes.values()];
  const chosenActor = choice(frames);
  showLink();
  showTotals(frames);
  showActors($('processes'), frames, chosen, choose);
  showMachine(chosenActor);
  $('deliveries-none').hidden = showDeliveries($('deliveries'), frames) > 0;
}

/** What was chosen, or where that is gone the first worker there is. */
function choice(frames) {
  const all = frames.flatMap((frame) => actorsOf(frame).map((actor) => ({ ...actor, frame })));
  const same = all.find(({ frame, key }) => frame.process === chosen?.process && key === chosen.key);
  if (same !== undefined) return same;
  const first = all.find(({ machine, ended }) => machine === 'worker' && !ended) ?? all[0];
  chosen = first && { process: first.frame.process, key: first.key };
  return first;
}

function choose(actor) {
  chosen = actor;
  show();
}

function showLink() {
  const stale = performance.now() - heardAt > SILENCE_MS;
  const link = stale
    ? processes.size === 0
      ? ['connecting', 'busy']
      : ['disconnected, trying again', 'bad']
    : ['live', 'good'];
  document.body.classList.toggle('stale', stale && processes.size > 0);
  if ($('link').textContent !== link[0]) $('link').textContent = link[0];
  $('link').dataset.tone = link[1];
}

function showTotals(frames) {
  const workers = frames.flatMap(({ actors }) => actors).filter(({ machine }) => machine === 'worker');
  const running = workers.filter(({ states }) => states[0]?.startsWith('running'));
  const inFlight = frames.reduce((sum, { deliveries }) => sum + deliveries.inFlight, 0);
  const shown = frames.reduce(
    (sum, { deliveries }) => sum + deliveries.shown.filter(({ phase }) => phase !== 'settled').length,
    0,
  );
  $('total-processes').textContent = frames.length;
  $('total-workers').textContent = running.length;
  $('total-in-flight').textContent = inFlight;
  $('total-rate').textContent = Math.round(frames.reduce((sum, { process }) => sum + rateOf(process), 0));
  $('deliveries-note').textContent = inFlight > shown ? `the oldest ${shown} of ${inFlight}` : '';
}

function rateOf(process) {
  const samples = settled.get(process) ?? [];
  const [first, last] = [samples[0], samples.at(-1)];
  return samples.length < 2 || last.at === first.at ? 0 : ((last.count - first.count) * 1_000) / (last.at - first.at);
}

function showMachine(actor) {
  if (actor === undefined) return;
  const { frame, id, machine, states, since, facts } = actor;
  $('machine-title').textContent = id;
  $('machine-title').title = `${machine} of ${processName(frame)}`;
  const said = states.join(', ') || 'nothing in flight';
  if ($('machine-state').textContent !== said) $('machine-state').textContent = said;
  $('machine-state').dataset.tone = machine === 'delivery' ? 'quiet' : toneOf(actor);
  $('machine-since').textContent = since === undefined ? '' : `for ${duration(Date.now() + frame.ahead - since)}`;
  $('diagram').setAttribute('aria-label', `The machine ${machine}; ${id} is ${said}`);
  keyed(
    $('facts'),
    telling(facts),
    ([name]) => name,
    fact,
    (made, [name, value]) => {
      made.children[0].textContent = words(name);
      made.children[1].textContent = typeof value === 'boolean' ? (value ? 'yes' : 'no') : value;
    },
  );
  void diagram.show(machine, states);
}

/** What is as it always is tells nothing. */
function telling(facts) {
  return Object.entries(facts).filter(([name, value]) => value !== false && !name.endsWith('Ms'));
}

function fact() {
  const made = element('div');
  made.append(element('dt'), element('dd'));
  return made;
}

async function copy() {
  const actor = choice([...processes.values()]);
  await navigator.clipboard.writeText(diagram.source(actor?.machine));
  $('copy').textContent = 'Copied';
  setTimeout(() => {
    $('copy').textContent = 'Copy Mermaid';
  }, 1_500);
}
