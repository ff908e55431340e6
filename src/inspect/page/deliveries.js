/** The table of deliveries: what is in flight, and for a moment what was settled. */
import { duration, element, keyed } from './words.js';

export function showDeliveries(body, frames) {
  const rows = frames.flatMap((frame) => frame.deliveries.shown.map((delivery) => ({ ...delivery, frame })));
  const settledLast = rows.sort((a, b) => Number(a.phase === 'settled') - Number(b.phase === 'settled'));
  keyed(body, settledLast, ({ frame, key }) => `${frame.process} ${key}`, row, fill);
  return rows.length;
}

function row() {
  const made = element('tr');
  made.append(element('td'), element('td'), element('td', '', 'phase'), element('td', '', 'number'));
  return made;
}

function fill(made, { frame, worker, run, workflow, task, path, attempt, phase, since, from }) {
  const [what, whose, where, time] = made.children;
  const settled = phase === 'settled';
  what.replaceChildren(task ?? '…', element('span', workflow === undefined ? '' : ` ${workflow}`, 'quiet'));
  whose.textContent = run ?? '…';
  where.textContent = phase;
  time.textContent = duration(settled ? since - from : Date.now() + frame.ahead - since);
  made.className = settled ? 'settled' : '';
  const attempts = attempt === undefined ? '' : `, attempt ${attempt}`;
  made.title = `${task ?? 'a task'} at ${path} of run ${run ?? '(not leased yet)'}${attempts}, on ${worker}`;
}
