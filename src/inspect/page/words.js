/** How things are said, and which tone they have. */

/** The first that fits; what none fits is under way. */
const TONES = {
  worker: [
    [/^running\.ready$/, 'good'],
    [/^error$/, 'bad'],
    [/^stopped$/, 'quiet'],
  ],
  breaker: [
    [/^closed/, 'good'],
    [/^open/, 'bad'],
  ],
  process: [
    [/^alive\.ready$/, 'good'],
    [/^resting/, 'bad'],
    [/^ended$/, 'quiet'],
  ],
  supervisor: [
    [/^working\.ready$/, 'good'],
    [/^stopped$|^ended$/, 'quiet'],
  ],
  connection: [
    [/^connected$/, 'good'],
    [/^reconnecting$/, 'bad'],
    [/^closed$/, 'quiet'],
  ],
};

export function toneOf({ machine, states, ended }) {
  const [state = ''] = states;
  const [, tone] = (TONES[machine] ?? []).find(([fitting]) => fitting.test(state)) ?? [];
  if (tone !== undefined) return tone;
  if (ended) return 'quiet';
  return TONES[machine] === undefined && state.startsWith('running') ? 'good' : 'busy';
}

export function duration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms / 1_000) % 60)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms / 60_000) % 60)} min`;
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });
export const clock = (at) => time.format(at);

/** `connectionLosses` is read as `connection losses`. */
export const words = (name) => name.replace(/Ms$/, ', ms').replace(/[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`);

export const processName = ({ host, pid }) => `${host} · ${pid}`;

/** An element with text, which is never read as HTML. */
export function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  return made;
}

/** The elements that a list has, one a key, in the list's order; those that stay are the same as before. */
export function keyed(parent, items, keyOf, make, fill) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const now = items.map((item) => {
    const key = keyOf(item);
    const child = before.get(key) ?? make();
    child.dataset.key = key;
    fill(child, item);
    return child;
  });
  now.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
  while (parent.children.length > now.length) parent.lastElementChild.remove();
}
