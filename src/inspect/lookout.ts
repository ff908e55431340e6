/** Everything that there is to see while somebody looks: this process, and its neighbours. */
import type { Neighbourhood } from '../runtime/inspection.js';
import type { Feed } from './feed.js';
import { type Frame, isFrame } from './frame.js';
import { ASK_MS, MOST_PROCESSES, SILENT_MS } from './limits.js';

interface Seen {
  readonly frame: Frame;
  /** By `performance.now()`. */
  readonly at: number;
}

export class Lookout {
  readonly #feed: Feed;
  readonly #neighbourhoods: readonly Neighbourhood[];
  readonly #viewers = new Set<() => void>();
  readonly #neighbours = new Map<string, Seen>();
  #own: { readonly version: number; readonly frame: Frame } | undefined;
  #stop: (() => void) | undefined;

  constructor(feed: Feed, neighbourhoods: readonly Neighbourhood[]) {
    this.#feed = feed;
    this.#neighbourhoods = neighbourhoods;
  }

  /** Calls back when there is something new to see, until the returned function is called. */
  look(changed: () => void): () => void {
    this.#viewers.add(changed);
    this.#stop ??= this.#begin();
    return () => {
      this.#viewers.delete(changed);
      if (this.#viewers.size > 0) return;
      this.#stop?.();
      this.#stop = undefined;
    };
  }

  /** One a process, this one first. A process that hasn't changed keeps its very frame. */
  frames(): Frame[] {
    const gone = performance.now() - SILENT_MS;
    for (const [process, { at }] of this.#neighbours) if (at < gone) this.#neighbours.delete(process);
    return [this.#ownFrame(), ...[...this.#neighbours.values()].map(({ frame }) => frame)];
  }

  #begin(): () => void {
    const changed = () => {
      for (const viewer of this.#viewers) viewer();
    };
    const leave = [
      this.#feed.look(changed),
      ...this.#neighbourhoods.map((neighbourhood) => neighbourhood.look((frame) => this.#saw(frame, changed))),
    ];
    // Silence has to be seen, too.
    const tick = setInterval(() => {
      this.#own = undefined;
      changed();
    }, ASK_MS).unref();
    return () => {
      clearInterval(tick);
      for (const stop of leave) stop();
      this.#neighbours.clear();
    };
  }

  #saw(frame: object, changed: () => void): void {
    if (!isFrame(frame)) return;
    const { process } = frame;
    if (frame.left) this.#neighbours.delete(process);
    else if (this.#neighbours.has(process) || this.#neighbours.size < MOST_PROCESSES)
      this.#neighbours.set(process, { frame, at: performance.now() });
    changed();
  }

  #ownFrame(): Frame {
    const { version } = this.#feed;
    if (this.#own?.version !== version) this.#own = { version, frame: this.#feed.frame() };
    return this.#own.frame;
  }
}
