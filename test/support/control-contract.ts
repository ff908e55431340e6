/**
 * Control in every state of a run and in every order, against a small model of what each does. One contract for runs in
 * memory, on embedded Postgres and on the services.
 */
import { afterEach, describe, expect, test } from 'vitest';
import type { Baton } from '../../src/client/baton.js';
import type { RunHandle } from '../../src/client/handle.js';
import { RunCancelledError, RunNotFailedError, RunTerminalError } from '../../src/core/errors.js';
import { branch, flow, signal, task, type Workflow } from '../../src/core/flow.js';
import { eventually } from './eventually.js';

export interface ControlStage {
  /** One more process. */
  baton(): Promise<Baton>;
  /** Closes all of them. */
  close(): Promise<void>;
}

interface Situation {
  /** The state that runs are brought to, and what they show then. */
  readonly name: string;
  readonly status: object;
  /** `ms` is what its timers take, if it has any. */
  readonly workflow: (ms: number) => Workflow<string, string>;
  /** Its workers come when the runs are to go on. */
  readonly unattended?: boolean;
  /** The states of its nodes that show that a run stands there. */
  readonly nodes: Readonly<Record<string, string>>;
  /** What makes it go on; left out where time does. */
  readonly go?: (run: RunHandle<string>, input: string) => Promise<void>;
  /** The node that a paused run holds then. */
  readonly held: string;
  /** Executions of a run that came to its end, besides `work`. */
  readonly ran: readonly string[];
}

const HOUR = 3_600_000;
/** Long enough to pause a run before it is over. */
const SOON_MS = 800;

/** Executions that began, by the run's input, and why they were told to stop. */
const ledger = new Map<string, string[]>();
const told = new Map<string, unknown>();
const gates = new Map<string, () => void>();
const ran = (input: string): string[] => [...(ledger.get(input) ?? [])];

const note = (input: string, id: string): void => {
  ledger.set(input, [...ran(input), id]);
};
const step = <In>(id: string, inputOf: (value: In) => string) =>
  task(id, (value: In) => {
    note(inputOf(value), id);
    return inputOf(value);
  });
const after = step('after', (input: string) => input);
/** Ends when its gate opens, whether it was told to stop or not. */
const stubborn = task('work', async (input: string, ctx) => {
  ctx.signal.addEventListener('abort', () => told.set(input, ctx.signal.reason));
  note(input, 'work');
  await new Promise<void>((resolve) => gates.set(input, resolve));
  return input;
});
const flaky = (initialDelay: number) =>
  task(
    'work',
    (input: string, { attempt }) => {
      note(input, 'work');
      if (attempt === 1) throw new Error('not yet');
      return input;
    },
    { retry: { maxRetries: 1, initialDelay } },
  );

const go = signal<string>('go');
const send = (run: RunHandle<string>, input: string): Promise<void> => run.signal(go, input);

const SITUATIONS: readonly Situation[] = [
  {
    name: 'queued where no worker is',
    status: { status: 'running' },
    workflow: () => flow<string>('queued').then(after).build(),
    unattended: true,
    nodes: { '/0': 'ready' },
    go: async () => {},
    held: '/0',
    ran: ['after'],
  },
  {
    name: 'at work',
    status: { status: 'running' },
    workflow: () => flow<string>('at-work').then(stubborn).then(after).build(),
    nodes: { '/0': 'leased' },
    go: async (_, input) => gates.get(input)?.(),
    held: '/1',
    ran: ['work', 'after'],
  },
  {
    name: 'in a delay',
    status: { status: 'waiting', node: 'nap' },
    workflow: (ms) => flow<string>('in-a-delay').delay('nap', ms).then(after).build(),
    nodes: { '/0': 'delayed' },
    held: '/0',
    ran: ['after'],
  },
  {
    name: 'awaiting a signal',
    status: { status: 'awaiting_signal', node: 'go', signal: 'go' },
    workflow: () => flow<string>('awaiting').waitForSignal(go).then(after).build(),
    nodes: { '/0': 'awaiting_signal' },
    go: send,
    held: '/0',
    ran: ['after'],
  },
  {
    name: 'awaiting a signal with a timeout',
    status: { status: 'awaiting_signal', node: 'go', signal: 'go' },
    workflow: (ms) =>
      flow<string>('awaiting-for-a-time')
        .fork([
          branch('input', (input) => input),
          branch('wait', flow<string>('wait').waitForSignal(go, { timeout: ms })),
        ])
        .then(step('after', ([input]: readonly [string, unknown]) => input))
        .build(),
    nodes: { '/0/b0/0': 'completed', '/0/b1/0': 'awaiting_signal' },
    ...{ held: '/0/b1/0', ran: ['after'] },
  },
  {
    name: 'backing off',
    status: { status: 'running' },
    workflow: (ms) => flow<string>('backing-off').then(flaky(ms)).then(after).build(),
    nodes: { '/0': 'backing_off' },
    held: '/0',
    ran: ['work', 'work', 'after'],
  },
  {
    name: 'at a join that waits for a branch',
    status: { status: 'awaiting_signal', node: 'go', signal: 'go' },
    workflow: () =>
      flow<string>('joining')
        .fork([branch('done', after), branch('wait', flow<string>('wait').waitForSignal(go))])
        .join('both', ([done]) => done)
        .build(),
    nodes: { '/0': 'joining', '/0/b0/0': 'completed', '/0/b1/0': 'awaiting_signal' },
    go: send,
    held: '/0/b1/0',
    ran: ['after'],
  },
];

const CONTROLS = ['pause', 'resume', 'cancel', 'signal', 'retry', 'terminate'] as const;
type Control = (typeof CONTROLS)[number];

/** What the model knows of a run. */
interface Model {
  status: 'running' | 'paused' | 'cancelled';
  why: { readonly reason?: string; readonly by?: string };
}

/** @param depth controls in a row that are tried in every order */
export function controlContract(open: () => ControlStage, depth: number): void {
  let stage: ControlStage;
  let client: Baton;
  const begin = async () => {
    ledger.clear();
    told.clear();
    gates.clear();
    stage = open();
    client = await stage.baton();
  };
  const work = async (workflow: Workflow) => {
    await (await stage.baton()).worker({ workflows: [workflow], concurrency: 600 }).start();
  };
  afterEach(() => stage.close());

  describe.each(SITUATIONS)('a run that is $name', (situation) => {
    test(`does what the model says, whatever ${depth} controls come in whatever order`, async () => {
      await begin();
      const workflow = situation.workflow(HOUR);
      if (!situation.unattended) await work(workflow);
      const cases = await Promise.all(
        sequences(depth).map(async (controls) => {
          const one = new Case(client, workflow, situation, controls.join('-'));
          await one.begin();
          for (const control of controls) await one.do(control);
          return one;
        }),
      );
      if (situation.unattended) await work(workflow);
      await Promise.all(cases.map((one) => one.end()));
      for (const one of cases) one.expectNothingElse();
    });

    test('goes on in time while it is paused, and all of it starts at resume', async () => {
      await begin();
      const workflow = situation.workflow(SOON_MS);
      if (!situation.unattended) await work(workflow);
      const run = await client.start(workflow, 'input');
      await reach(run, situation);
      await run.pause({ reason: 'audit', by: 'ann' });
      const before = ran('input');
      await situation.go?.(run, 'input');
      await eventually(async () => expect((await statesOf(run))[situation.held]).toBe('held'));
      if (situation.unattended) await work(workflow);
      expect(await run.status()).toEqual({ status: 'paused', reason: 'audit', by: 'ann' });
      expect(ran('input')).toEqual(before);
      await run.resume();
      expect(await run.result({ timeout: '5s' })).toBe('input');
      expect(ran('input')).toEqual(situation.ran);
    });
  });

  test('an ended run refuses control, with its status; a failed one can be retried, an id can be taken', async () => {
    await begin();
    let broken = true;
    const ending = flow<string>('ending')
      .then('work', (input: string) => {
        if (broken && input === 'failed') throw new Error('broken');
        return input;
      })
      .build();
    await work(ending);
    for (const status of ['completed', 'failed', 'cancelled'] as const) {
      const run = await client.start(
        status === 'cancelled' ? flow<string>('never').delay('nap', HOUR).build() : ending,
        status,
        { id: status },
      );
      if (status === 'cancelled') await run.cancel({ reason: 'first', by: 'ann' });
      await run.result({ timeout: '5s' }).catch(() => {});
      const shown = await run.status();
      expect(shown.status).toBe(status);
      const refused = [run.pause(), run.resume(), run.signal('go'), ...(status === 'cancelled' ? [] : [run.cancel()])];
      for (const { reason } of (await Promise.allSettled(refused)) as PromiseRejectedResult[]) {
        expect(reason).toBeInstanceOf(RunTerminalError);
        expect(reason).toMatchObject({ code: 'RUN_TERMINAL', runId: status, status });
      }
      if (status === 'cancelled') await run.cancel({ reason: 'second' });
      if (status !== 'failed') await expect(run.retry()).rejects.toMatchObject({ code: 'RUN_NOT_FAILED', status });
      expect(await run.status()).toEqual(shown);
    }
    broken = false;
    await client.run('failed').retry();
    expect(await client.run('failed').result({ timeout: '5s' })).toBe('failed');
    const taken = await client.start(ending, 'again', { id: 'completed', conflict: 'terminate_existing' });
    expect(await taken.result({ timeout: '5s' })).toBe('again');
  });
}

/** One run under a sequence of controls, beside its model. */
class Case {
  readonly #model: Model = { status: 'running', why: {} };
  #run!: RunHandle<string>;
  #done = 0;
  /** What had begun when the run was cancelled. */
  #begun: string[] | undefined;
  /** The run that took the id. */
  #successor: Case | undefined;

  constructor(
    private readonly client: Baton,
    private readonly workflow: Workflow<string, string>,
    private readonly situation: Situation,
    private readonly input: string,
    private readonly id = input,
  ) {}

  async begin(): Promise<void> {
    this.#run = await this.client.start(this.workflow, this.input, { id: this.id, conflict: 'terminate_existing' });
    await reach(this.#run, this.situation);
  }

  async do(control: Control): Promise<void> {
    const why = { reason: `reason ${++this.#done}`, by: `author ${this.#done}` };
    const error: unknown = await this.#act(control, why).catch((reason: unknown) => reason);
    expect(error, control).toEqual(this.#expected(control));
    this.#follow(control, why);
    expect(await this.#run.status()).toMatchObject(this.#shown());
  }

  async #act(control: Control, why: { reason: string; by: string }): Promise<void> {
    if (control === 'signal') return this.#run.signal('other', why);
    if (control !== 'terminate') return this.#run[control](why);
    if (this.#successor !== undefined) return this.#successor.do(control);
    const successor = new Case(this.client, this.workflow, this.situation, `${this.input}+`, this.id);
    this.#successor = successor;
    return successor.begin();
  }

  #expected(control: Control): unknown {
    if (control === 'retry') return expect.any(RunNotFailedError);
    const refuses = this.#model.status === 'cancelled' && ['pause', 'resume', 'signal'].includes(control);
    return refuses ? expect.any(RunTerminalError) : undefined;
  }

  #follow(control: Control, why: { reason: string; by: string }): void {
    const { status } = this.#model;
    if (status === 'cancelled') return;
    if (control === 'pause' && status === 'running') Object.assign(this.#model, { status: 'paused', why });
    if (control === 'resume') Object.assign(this.#model, { status: 'running', why: {} });
    if (control === 'cancel') Object.assign(this.#model, { status: 'cancelled', why });
    if (control === 'terminate')
      Object.assign(this.#model, { status: 'cancelled', why: { reason: 'terminated by a new start of the same id' } });
    if (this.#model.status === 'cancelled') this.#begun = ran(this.input);
  }

  #shown(): object {
    const { status, why } = this.#model;
    return status === 'running' ? this.situation.status : { status, ...why };
  }

  /** Lets it go on: it comes to its end, or has come to it already and stays there. */
  async end(): Promise<void> {
    await this.#successor?.end();
    if (this.#model.status === 'cancelled') return this.#endCancelled();
    if (this.#model.status === 'paused') await this.#run.resume();
    if (this.situation.go === undefined) return this.#run.cancel();
    await this.situation.go(this.#run, this.input);
    expect(await this.#run.result({ timeout: '20s' })).toBe(this.input);
    expect(ran(this.input)).toEqual(this.situation.ran);
  }

  async #endCancelled(): Promise<void> {
    const { why } = this.#model;
    const error: unknown = await this.#run.result({ timeout: '2s' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RunCancelledError);
    expect(error).toMatchObject(why);
    expect(Object.values(await statesOf(this.#run))).not.toContain('leased');
    if (!('/0' in this.situation.nodes) || this.situation.nodes['/0'] !== 'leased') return;
    await eventually(() => told.has(this.input), { timeoutMs: 2_000, what: `the AbortSignal of ${this.input}` });
    expect(told.get(this.input)).toBeInstanceOf(RunCancelledError);
    expect(told.get(this.input)).toMatchObject(why);
    // Its late result is nobody's.
    gates.get(this.input)?.();
  }

  /** Called when everything else has come to its end: what was cancelled hasn't moved since. */
  expectNothingElse(): void {
    this.#successor?.expectNothingElse();
    if (this.#begun !== undefined) expect(ran(this.input)).toEqual(this.#begun);
  }
}

function sequences(length: number): Control[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((rest) => CONTROLS.map((control) => [...rest, control]));
}

async function statesOf(run: RunHandle<unknown>): Promise<Record<string, string>> {
  return Object.fromEntries((await run.describe()).nodes.map(({ path, state }) => [path, state]));
}

async function reach(run: RunHandle<unknown>, { nodes, status }: Situation): Promise<void> {
  await eventually(async () => expect(await statesOf(run)).toMatchObject(nodes));
  expect(await run.status()).toMatchObject(status);
}
