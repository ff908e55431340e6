/**
 * A block of lines at the bottom of a terminal that is drawn anew again and again; whatever else is written scrolls by
 * above.
 */
import { stripVTControlCharacters } from 'node:util';
import type { Io } from '../io.js';
import { widthOf } from '../text-width.js';

export type TerminalStream = Io['stdout'] & { readonly columns?: number; readonly rows?: number };

// The first line apart: tmux keeps a copy in its history of a screen that is cleared from its very beginning.
const UP_AND_CLEAR = (lines: number) => (lines === 0 ? '' : `\x1b[${lines}A\x1b[2K\x1b[1B\x1b[0J\x1b[1A`);
/** Drawn at most so often. */
const FRAME_MS = 100;

export class Screen {
  #drawn: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lines: () => readonly string[] = () => [];
  readonly #writes: { readonly stream: TerminalStream; readonly write: TerminalStream['write'] }[];

  /** @param streams everything that reaches the terminal; the first one is drawn on */
  constructor(private readonly streams: readonly [TerminalStream, ...TerminalStream[]]) {
    this.#writes = streams.map((stream) => ({ stream, write: stream.write.bind(stream) }));
    for (const { stream, write } of this.#writes) {
      stream.write = ((...args: Parameters<typeof write>) => {
        this.#erase();
        const ok = write(...args);
        this.update();
        return ok;
      }) as typeof write;
    }
  }

  get columns(): number {
    return this.streams[0].columns ?? 80;
  }

  get rows(): number {
    return this.streams[0].rows ?? 24;
  }

  /** What is shown from now on; read again with every `update()`. */
  show(lines: () => readonly string[]): void {
    this.#lines = lines;
    this.update();
  }

  update(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, FRAME_MS);
  }

  /** Takes the picture away. */
  close(): void {
    clearTimeout(this.#timer);
    this.#erase();
    for (const { stream, write } of this.#writes) stream.write = write;
  }

  #draw(): void {
    const lines = this.#lines();
    this.#paint(`${UP_AND_CLEAR(this.#taken())}${lines.map((line) => `${line}\n`).join('')}`);
    this.#drawn = lines;
  }

  #erase(): void {
    if (this.#drawn.length > 0) this.#paint(UP_AND_CLEAR(this.#taken()));
    this.#drawn = [];
  }

  /** How many rows of the terminal the picture takes: a terminal that became narrower breaks its lines. */
  #taken(): number {
    const rows = this.#drawn.map((line) => Math.ceil(widthOf(stripVTControlCharacters(line)) / this.columns));
    return rows.reduce((sum, one) => sum + Math.max(1, one), 0);
  }

  #paint(text: string): void {
    this.#writes[0]?.write(text);
  }
}
