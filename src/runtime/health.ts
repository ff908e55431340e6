/**
 * Health checks: each with its own interval and timeout, never twice at a time. What a check says stands until it is
 * asked again.
 */
import type { Duration } from '../core/duration.js';
import { limited } from './time-limit.js';

/** What a worker asks now and then, to know that it can do its work. */
export interface HealthCheck {
  /** Unique among a worker's checks; `services` is taken by its own check of store and broker. */
  readonly name: string;
  /** Throws, or rejects: failing. `signal` is aborted when its time is over. */
  readonly check: (context: { readonly signal: AbortSignal }) => void | Promise<void>;
  /** Whether the worker is `failing` without it, not just `degraded`; one that fails at the start ends the start. @default true */
  readonly critical?: boolean;
  /** From one answer to the next question; 0: asked only by the start and by `health()`. @default 30 s */
  readonly interval?: Duration;
  /** An answer that takes longer is a failure. @default 10 s */
  readonly timeout?: Duration;
  /** Failures in a row that make it failing, 1 to 100. @default 1 */
  readonly failureThreshold?: number;
  /** Successes in a row that make it fine again, 1 to 100. @default 1 */
  readonly successThreshold?: number;
}

/** What a check said last. */
export interface CheckResult {
  /** False once it failed `failureThreshold` times in a row, and until it succeeded `successThreshold` times in a row. */
  readonly ok: boolean;
  readonly critical: boolean;
  /** Why it failed last; there also while that hasn't made it failing yet, or while it isn't trusted again. */
  readonly error?: string;
  /** When it was asked. */
  readonly at: Date;
  readonly durationMs: number;
}

/** How a worker or a connection is, with every check by its name. */
export interface Health {
  /** `failing`: a critical check is. `degraded`: another one is. */
  readonly status: 'ok' | 'degraded' | 'failing';
  readonly checks: Record<string, CheckResult>;
}

/** A check with every default filled in. */
export interface ResolvedCheck {
  readonly name: string;
  readonly check: HealthCheck['check'];
  readonly critical: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
}

export class HealthMonitor {
  readonly #watches: Watch[];
  #told: Health['status'] = 'ok';

  #listener: (status: Health['status']) => void = () => {};

  constructor(checks: readonly ResolvedCheck[]) {
    this.#watches = checks.map((check) => new Watch(check, () => this.#judge()));
  }

  /** Tells its one listener each new status; before the first it is `ok`. */
  onChange(listener: (status: Health['status']) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = () => {};
    };
  }

  /** Asks all of them now; joins a question that is already under way. Never rejects. */
  async look(): Promise<Health> {
    const checks = await Promise.all(
      this.#watches.map(async (watch) => [watch.name, await watch.look()] satisfies [string, CheckResult]),
    );
    return healthOf(checks);
  }

  /** Asks one of them now. Rejects when it is failing. */
  async ask(name: string): Promise<void> {
    const result = await this.#watches.find((watch) => watch.name === name)?.look();
    if (result?.ok === false) throw new Error(`check ${name} is failing: ${result.error}`);
  }

  /** What the checks said last; those that weren't asked yet are missing. */
  last(): Health {
    return healthOf(this.#watches.flatMap(({ name, last }) => (last === undefined ? [] : [[name, last]])));
  }

  /** Asks each of them at its interval from now on; those that were never asked, at once. */
  start(): void {
    for (const watch of this.#watches) watch.start();
  }

  /** Asks no more, and gives up what is being asked. */
  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  setInterval(name: string, intervalMs: number): void {
    for (const watch of this.#watches) if (watch.name === name) watch.setInterval(intervalMs);
  }

  #judge(): void {
    const { status } = this.last();
    if (status === this.#told) return;
    this.#told = status;
    this.#listener(status);
  }
}

/** One check, over time. */
class Watch {
  last: CheckResult | undefined;
  readonly #check: ResolvedCheck;
  #intervalMs: number;
  #started = false;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<CheckResult> | undefined;
  #abort = new AbortController();
  #verdict: Verdict = { ok: true, against: 0 };
  /** It was given up and still hasn't come to its end: it isn't called again until then. */
  #hanging = false;

  constructor(
    check: ResolvedCheck,
    private readonly onResult: () => void,
  ) {
    this.#check = check;
    this.#intervalMs = check.intervalMs;
  }

  get name(): string {
    return this.#check.name;
  }

  look(): Promise<CheckResult> {
    this.#asking ??= this.#ask(this.#abort.signal).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  start(): void {
    this.#started = true;
    if (this.last !== undefined) this.#sleep();
    else if (this.#intervalMs > 0) void this.#turn();
  }

  stop(): void {
    this.#started = false;
    clearTimeout(this.#timer);
    this.#abort.abort(new Error('the worker stopped'));
    this.#abort = new AbortController();
  }

  setInterval(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    clearTimeout(this.#timer);
    // A turn that is under way goes by the new interval when it is over.
    if (this.#started && this.#asking === undefined) this.#sleep();
  }

  async #turn(): Promise<void> {
    await this.look();
    this.#sleep();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    if (this.#started && this.#intervalMs > 0) this.#timer = setTimeout(() => void this.#turn(), this.#intervalMs);
  }

  async #ask(signal: AbortSignal): Promise<CheckResult> {
    const { critical } = this.#check;
    const before = this.last;
    const at = new Date();
    const startedAt = performance.now();
    const failure = await this.#failure(signal);
    const durationMs = performance.now() - startedAt;
    if (signal.aborted) return { ok: failure === undefined, critical, ...failure, at, durationMs };
    this.#verdict = judged(this.#verdict, failure === undefined, this.#check);
    const { ok } = this.#verdict;
    const error = failure?.error ?? (ok ? undefined : before?.error);
    const result = { ok, critical, ...(error === undefined ? {} : { error }), at, durationMs };
    this.last = result;
    this.onResult();
    return result;
  }

  async #failure(signal: AbortSignal): Promise<{ readonly error: string } | undefined> {
    const { name, check, timeoutMs } = this.#check;
    if (this.#hanging) return { error: `the last call of check ${name} still hasn't come to its end` };
    const called = async (own: AbortSignal) => {
      this.#hanging = true;
      try {
        await check({ signal: own });
      } finally {
        this.#hanging = false;
      }
    };
    try {
      await limited(called, { what: `check ${name}`, limitMs: timeoutMs, signal });
      return undefined;
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** What a check is held to be, and how many answers in a row have said otherwise. */
interface Verdict {
  readonly ok: boolean;
  readonly against: number;
}

/** The verdict turns when enough answers in a row were against it. */
function judged({ ok, against }: Verdict, success: boolean, thresholds: Thresholds): Verdict {
  if (success === ok) return { ok, against: 0 };
  const needed = ok ? thresholds.failureThreshold : thresholds.successThreshold;
  return against + 1 >= needed ? { ok: success, against: 0 } : { ok, against: against + 1 };
}

type Thresholds = Pick<ResolvedCheck, 'failureThreshold' | 'successThreshold'>;

function healthOf(checks: readonly (readonly [string, CheckResult])[]): Health {
  const failing = checks.filter(([, { ok }]) => !ok);
  const status = failing.length === 0 ? 'ok' : failing.some(([, { critical }]) => critical) ? 'failing' : 'degraded';
  return { status, checks: Object.fromEntries(checks) };
}
