/**
 * Server-sent events for one browser: each tells of the processes that changed since the one before. Frames are made
 * when the browser takes them, never ahead: a slow one sees fewer, and nothing piles up.
 */
import { Readable } from 'node:stream';
import type { Frame } from './frame.js';
import { FRAME_MS } from './limits.js';
import type { Lookout } from './lookout.js';
import { Pace } from './pace.js';

/** A browser that lost the stream asks for it again after this many ms. */
const RETRY_MS = 1_000;

export class EventStream extends Readable {
  readonly #lookout: Lookout;
  readonly #leave: () => void;
  readonly #pace = new Pace(FRAME_MS, () => this.#write());
  #sent = new Map<string, Frame>();
  #taking = false;
  #due = true;

  constructor(lookout: Lookout) {
    super({ highWaterMark: 1 });
    this.#lookout = lookout;
    this.#leave = lookout.look(() => this.#changed());
    this.push(`retry: ${RETRY_MS}\n\n`);
  }

  override _read(): void {
    this.#taking = true;
    if (this.#due) this.#pace.due();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#pace.stop();
    this.#leave();
    done(error);
  }

  #changed(): void {
    this.#due = true;
    if (this.#taking) this.#pace.due();
  }

  #write(): void {
    const now = new Map(this.#lookout.frames().map((frame) => [frame.process, frame]));
    const frames = [...now.values()].filter((frame) => this.#sent.get(frame.process) !== frame);
    const gone = [...this.#sent.keys()].filter((process) => !now.has(process));
    // What the browser knows from a stream before this one is nothing that this one speaks of.
    const first = this.#sent.size === 0;
    this.#sent = now;
    this.#due = false;
    if (frames.length === 0 && gone.length === 0) return;
    this.#taking = false;
    this.push(`data: ${JSON.stringify({ first, frames, gone })}\n\n`);
  }
}
