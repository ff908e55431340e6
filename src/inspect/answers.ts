/**
 * Tells those who asked how this process is: at once, then whenever something changed, for as long as they asked for.
 * They ask again while they look; nobody has to say that he has left.
 */
import type { Feed } from './feed.js';
import type { Frame } from './frame.js';
import { FRAME_MS, LONGEST_WANTED_MS } from './limits.js';
import { Pace } from './pace.js';

export class Answers {
  readonly #feed: Feed;
  readonly #send: (to: string, frame: Frame) => void;
  /** Who asked, and until when, by `performance.now()`. */
  readonly #wanted = new Map<string, number>();
  readonly #pace = new Pace(FRAME_MS, () => this.#answer());
  #expiry: NodeJS.Timeout | undefined;
  #leave: (() => void) | undefined;

  constructor(feed: Feed, send: (to: string, frame: Frame) => void) {
    this.#feed = feed;
    this.#send = send;
  }

  wanted(to: string, forMs: number): void {
    this.#wanted.set(to, performance.now() + Math.min(forMs, LONGEST_WANTED_MS));
    this.#leave ??= this.#feed.look(() => this.#pace.due());
    this.#pace.due();
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#expire(), LONGEST_WANTED_MS).unref();
  }

  /** Takes leave of those who look. */
  close(): void {
    const frame = { ...this.#feed.frame(), left: true } as const;
    for (const to of this.#wanted.keys()) this.#send(to, frame);
    this.#wanted.clear();
    this.#expire();
  }

  #answer(): void {
    this.#expire();
    if (this.#wanted.size === 0) return;
    const frame = this.#feed.frame();
    for (const to of this.#wanted.keys()) this.#send(to, frame);
  }

  #expire(): void {
    const now = performance.now();
    for (const [to, until] of this.#wanted) if (until <= now) this.#wanted.delete(to);
    if (this.#wanted.size > 0) return;
    this.#leave?.();
    this.#leave = undefined;
    this.#pace.stop();
    clearTimeout(this.#expiry);
  }
}
