/** What happened, newest first: every frame brings the last events of its process, and most of them are known. */
import { clock, element, processName } from './words.js';

/** The page keeps as many. */
const KEPT = 200;

export class Log {
  #list;
  #none;
  #seen = new Map();

  constructor(list, none) {
    this.#list = list;
    this.#none = none;
  }

  add(frame) {
    const last = this.#seen.get(frame.process) ?? 0;
    const fresh = frame.events.filter(({ seq }) => seq > last);
    if (fresh.length === 0) return;
    const missed = last === 0 ? 0 : fresh[0].seq - last - 1;
    if (missed > 0) this.#prepend(frame, { at: fresh[0].at, who: '', what: `${missed} more, too fast to be told` });
    for (const event of fresh) this.#prepend(frame, event);
    this.#seen.set(frame.process, fresh.at(-1).seq);
    while (this.#list.children.length > KEPT) this.#list.lastElementChild.remove();
    this.#none.hidden = true;
  }

  #prepend(frame, { at, who, what }) {
    const item = element('li');
    const time = element('time', clock(at - frame.ahead));
    time.dateTime = new Date(at).toISOString();
    const text = element('p');
    text.append(element('b', who), ` ${what}`);
    item.append(time, text);
    item.title = processName(frame);
    item.dataset.at = at - frame.ahead;
    const later = [...this.#list.children].find((other) => Number(other.dataset.at) <= Number(item.dataset.at));
    this.#list.insertBefore(item, later ?? null);
  }
}
