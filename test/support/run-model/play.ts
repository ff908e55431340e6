/**
 * Plays a sequence on the real thing and on the model, and compares the two after every command: how it was answered,
 * the status of each run, its nodes, what they came to, and what ran. In the end every run is brought to its end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunHandle } from '../../../src/client/handle.js';
import {
  type Act,
  actOf,
  type Controlling,
  inputOf,
  payloadOf,
  reasonOf,
  type Signalling,
  type Starting,
  words,
} from './acts.js';
import type { Command, Sequence } from './commands.js';
import type { Driver } from './driver.js';
import { towardsTheEnd } from './ending.js';
import { onTheWay, type Spontaneity, settled } from './explore.js';
import { counts, nodesOf, type Run, type World } from './model.js';
import { outcomes } from './outcomes.js';
import { nodeLine, type Portrait, portraitOf, type Status, statusLine } from './portrait.js';
import { count, type Tally } from './tally.js';

/** The real thing did what no run of the model does. */
export class Mismatch extends Error {
  constructor(
    /** The commands so far, in words. */
    readonly told: readonly string[],
    readonly expected: readonly string[],
    readonly found: string,
  ) {
    super('a run did what it must not');
  }
}

/** How many commands may bring a sequence to its end. */
const LONGEST_END = 200;

let ids = 0;

interface Seen {
  readonly portrait: Portrait;
  /** When each node was leased last. */
  readonly began: ReadonlyMap<string, number>;
}

export async function play(driver: Driver, { first, moves }: Sequence, tally: Tally): Promise<void> {
  const played = new Play(driver, tally);
  for (const move of [[first], ...moves]) await played.tell(move);
  await played.end();
}

class Play {
  readonly #id = `${process.pid}-${ids++}`;
  readonly #told: string[] = [];
  readonly #runs: { readonly handle: RunHandle; readonly key: string }[] = [];
  readonly #results = new Map<string, unknown>();
  #worlds: World[];
  #deaths = 0;
  #marks = 0;

  constructor(
    private readonly driver: Driver,
    private readonly tally: Tally,
  ) {
    this.#worlds = [{ now: driver.now(), tickMs: driver.tickMs, up: true, turns: 0, runs: [] }];
  }

  /** Commands at once. */
  async tell(commands: readonly Command[]): Promise<void> {
    const world = this.#worlds[0]!;
    const acts = commands.flatMap((command) => {
      const harmless = this.#within(command);
      return (harmless && actOf(harmless, world, this.#marks++)) ?? [];
    });
    if (acts.length === 0) return;
    this.#told.push(acts.map((act) => words(act, world)).join(', and at once: '));
    count(this.tally, acts, world);
    const from = this.driver.now();
    const answers = await Promise.all(acts.map((act) => this.#perform(act)));
    await this.#look(this.#fitting(acts, from, answers));
  }

  /** What may have come of it, by the answers. */
  #fitting(acts: readonly Act[], from: number, answers: readonly string[]): World[] {
    const spontaneity = this.#spontaneity();
    const before = this.driver.timed ? this.#worlds : onTheWay(this.#worlds, spontaneity);
    const possible = before.flatMap((world) =>
      outcomes({ ...world, now: Math.max(world.now, from) }, acts, spontaneity),
    );
    const fitting = possible.filter((outcome) => shownAnswers(outcome.answers) === shownAnswers(answers));
    if (fitting.length > 0) return fitting.map(({ world }) => world);
    const expected = new Set(possible.map((outcome) => shownAnswers(outcome.answers)));
    throw new Mismatch(this.#told, [...expected], shownAnswers(answers));
  }

  /** Everything goes on until each run has ended; then nothing of what was stopped may have an effect. */
  async end(): Promise<void> {
    for (let n = 0; ; n++) {
      const command = towardsTheEnd(this.#worlds[0]!);
      if (command === undefined) break;
      if (n === LONGEST_END) throw new Mismatch(this.#told, ['an end'], 'none');
      await this.tell([command]);
    }
    await this.#stopped();
    this.#results.clear();
    await this.#look(this.#worlds);
    await this.#ends();
  }

  // ------------------------------------------------------------------------------------------------ acting

  /** A worker dies no more often than the driver can bear. */
  #within(command: Command): Command | undefined {
    if (this.#deaths < this.driver.mostDeaths) return command;
    if (command.do === 'crash') return undefined;
    if (command.do !== 'release' || command.dies === undefined) return command;
    const { dies: _, ...harmless } = command;
    return harmless;
  }

  async #perform(act: Act): Promise<string> {
    const { driver } = this;
    switch (act.do) {
      case 'start':
        return this.#start(act);
      case 'pass':
        await driver.pass(act.ticks * driver.tickMs);
        return 'done';
      case 'crash':
        await this.#crash();
        return 'done';
      case 'restart':
        await driver.restart();
        return 'done';
      case 'release': {
        const { task, execution } = act.held;
        const release = () => driver.stage.release(this.#runs[act.run]!.key, task, execution, act.fate);
        if (act.dies === undefined) release();
        else await this.#crash({ act: release, moments: act.dies });
        return 'done';
      }
      default:
        return answerOf(control(this.#runs[act.run]!.handle, act));
    }
  }

  async #crash(first?: { readonly act: () => void; readonly moments: number }): Promise<void> {
    this.#deaths++;
    await this.driver.crash(first);
  }

  async #start(act: Starting): Promise<string> {
    const { baton, store, stage, workflows } = this.driver;
    let handle: RunHandle | undefined;
    const { plan, script, conflict } = act;
    await this.driver.expect(plan);
    const answer = await answerOf(
      baton.start(workflows.get(plan)!, inputOf(act), { id: this.#id, conflict }).then((started) => {
        handle = started;
      }),
    );
    if (handle === undefined) return answer;
    const key = (await store.findRun(this.#id))!.run;
    if (this.#runs.some((run) => run.key === key)) return 'existing';
    stage.know(key, script);
    this.#runs.push({ handle, key });
    return 'started';
  }

  // ----------------------------------------------------------------------------------------------- looking

  /** Waits until what is seen is what could be, and goes on from there. */
  async #look(worlds: readonly World[]): Promise<void> {
    const { timed, tickMs, patienceMs } = this.driver;
    const deadline = Date.now() + patienceMs;
    const expected = ({ runs }: World) => shown(runs.map((run) => portraitOf(run, timed ? tickMs : undefined)));
    for (let pauseMs = 1; ; pauseMs = Math.min(20, pauseMs * 2)) {
      await this.driver.settle();
      const seen = await Promise.all(this.#runs.map((run) => this.#see(run)));
      const possible = settled(worlds, this.#spontaneity());
      const found = shown(seen.map(({ portrait }) => portrait));
      const fitting = possible.filter((world) => expected(world) === found);
      if (fitting.length > 0) {
        this.#worlds = fitting.filter((world) => this.#noneIsEarly(world, seen));
        if (this.#worlds.length > 0) return;
        throw new Mismatch(this.#told, ['that nothing goes on before its time'], found);
      }
      if (Date.now() >= deadline) throw new Mismatch(this.#told, [...new Set(possible.map(expected))], found);
      await sleep(pauseMs);
    }
  }

  async #see({ handle, key }: { readonly handle: RunHandle; readonly key: string }): Promise<Seen> {
    const { timed, stage } = this.driver;
    const { status, nodes } = await handle.describe();
    const executions = stage.executions(key);
    const lines = await Promise.all(
      nodes.map(async ({ path, state, attempt, losses, dueAt }) =>
        nodeLine({
          path,
          state,
          attempt,
          losses,
          executions: executions.filter((one) => one.path === path).map((one) => one.attempt),
          due: timed ? this.#ticks(dueAt) : undefined,
          ...(state === 'completed' ? { result: await this.#result(handle, `${key} ${path}`, path) } : {}),
        }),
      ),
    );
    const began = nodes.map(({ path, startedAt }) => [path, startedAt?.getTime() ?? Infinity] as const);
    return { portrait: [statusLine(this.#plain(status)), ...lines.sort()], began: new Map(began) };
  }

  /** By the clock that the model has: what it takes for the earliest time is no later than the store's. */
  #noneIsEarly({ runs }: World, seen: readonly Seen[]): boolean {
    return runs.every((run, at) =>
      nodesOf(run).every(({ path, node }) => (node.notBefore ?? 0) <= (seen[at]!.began.get(path) ?? Infinity)),
    );
  }

  /** What a node came to stays: it is read once, and all of it again in the end. */
  async #result(handle: RunHandle, name: string, path: string): Promise<unknown> {
    if (!this.#results.has(name)) this.#results.set(name, await handle.taskResult(path));
    return this.#results.get(name);
  }

  #plain(status: Awaited<ReturnType<RunHandle['status']>>): Status {
    if (status.status === 'failed') {
      const { task, attempt, error } = status;
      return { status: status.status, task, attempt, message: error.message };
    }
    const { until, ...rest } = { until: undefined, ...status };
    return this.driver.timed ? { ...rest, until: this.#ticks(until) } : rest;
  }

  #ticks(at: Date | undefined): number | undefined {
    return at && at.getTime() / this.driver.tickMs;
  }

  // ------------------------------------------------------------------------------------------------ ending

  /** Executions whose lease is gone were told so; they go on all the same, and nothing comes of it. */
  async #stopped(): Promise<void> {
    const [world] = this.#worlds;
    for (const [at, run] of world!.runs.entries()) {
      const { key } = this.#runs[at]!;
      for (const held of run.holding.filter((one) => !counts(run, one))) {
        await this.#aborted(key, held);
        this.driver.stage.release(key, held.task, held.execution, 'ok');
      }
    }
  }

  async #aborted(key: string, { task, execution }: Run['holding'][number]): Promise<void> {
    const { stage } = this.driver;
    const found = stage.executions(key).find((one) => one.task === task && one.number === execution);
    for (let waitedMs = 0; found?.aborted === undefined; waitedMs += 5) {
      if (waitedMs > 2_000 + this.driver.patienceMs)
        throw new Mismatch(this.#told, [`execution ${execution} of ${task} to be told that it is stopped`], 'no word');
      await sleep(5);
    }
  }

  async #ends(): Promise<void> {
    const [world] = this.#worlds;
    for (const [at, run] of world!.runs.entries()) {
      const ended = await this.#runs[at]!.handle.result({ timeout: '10s' }).then(
        (output) => `completed ${JSON.stringify(output)}`,
        (error: { code?: string }) => String(error.code),
      );
      const expected = { completed: `completed ${JSON.stringify(run.output)}`, failed: 'RUN_FAILED' };
      const due = expected[run.status as keyof typeof expected] ?? 'RUN_CANCELLED';
      if (ended !== due) throw new Mismatch(this.#told, [`the result ${due}`], `the result ${ended}`);
    }
  }

  #spontaneity(): Spontaneity {
    return this.driver.timed ? { verdicts: false } : { verdicts: true, timersUntil: this.driver.now() };
  }
}

async function control(handle: RunHandle, act: Signalling | Controlling): Promise<void> {
  switch (act.do) {
    case 'signal':
      return handle.signal(act.name, payloadOf(act), act.id === undefined ? {} : { id: act.id });
    case 'cancel':
    case 'pause':
      return handle[act.do]({ reason: reasonOf(act) });
    case 'resume':
    case 'retry':
      return handle[act.do]();
  }
}

const shownAnswers = (answers: readonly string[]): string => `the answer ${answers.join(', ')}`;

const shown = (portraits: readonly Portrait[]): string =>
  portraits
    .map((lines, n) => lines.map((line) => `${portraits.length > 1 ? `[${n + 1}] ` : ''}${line}`).join('\n'))
    .join('\n');

function answerOf(acted: Promise<void>): Promise<string> {
  return acted.then(
    () => 'done',
    (error: { code?: string }) => {
      if (error.code === undefined) throw error;
      return error.code;
    },
  );
}
