/** A folder that holds everything: whatever happens to the process, the next one goes on. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunDescription } from 'batonmq';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { eventually } from '../../support/eventually.js';

const PROGRAM = fileURLToPath(new URL('../../fixtures/embedded-program.mjs', import.meta.url));

interface Entry {
  readonly event?: 'opening';
  readonly run: string;
  readonly path: string;
  readonly attempt: number;
  readonly pid: number;
  readonly at: number;
}

let root: string;
let folder: string;
let ledger: string;
let children: ChildProcess[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'baton-embedded-'));
  folder = join(root, 'data');
  ledger = join(root, 'ledger.jsonl');
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map(kill));
  rmSync(root, { recursive: true, force: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  process.kill(child.pid as number, 'SIGKILL');
  await exited;
}

function spawned(env: Record<string, string> = {}): ChildProcess {
  const child = fork(PROGRAM, [folder, ledger], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

/** A folder that was made before, with nothing in it: for tests that aren't about making it. */
function prepared(): void {
  cpSync(inject('embeddedTemplate'), folder, { recursive: true });
}

/** A process that has the folder open. */
async function opened(env: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawned(env);
  expect(await answerOf(child)).toEqual({ opened: true });
  return child;
}

async function answerOf(child: ChildProcess): Promise<Record<string, unknown>> {
  const [answer] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then((exit) => Promise.reject(new Error(`it ended: ${exit}`))),
  ])) as [Record<string, unknown>];
  return answer;
}

async function ask(child: ChildProcess, request: object): Promise<void> {
  child.send(request);
  expect(await answerOf(child)).toEqual({ done: true });
}

async function close(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.send({ close: true });
  expect(await exited).toEqual([0, null]);
}

function entries(): Entry[] {
  if (!existsSync(ledger)) return [];
  const lines = readFileSync(ledger, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Entry);
}

const worked = () => entries().filter(({ event }) => event === undefined);
const openedAt = (child: ChildProcess) => entries().find(({ event, pid }) => event && pid === child.pid)?.at as number;

async function workedBy(child: ChildProcess, times = 1): Promise<Entry> {
  await eventually(() => worked().filter(({ pid }) => pid === child.pid).length >= times, {
    what: 'the task is at work',
  });
  return worked().find(({ pid }) => pid === child.pid) as Entry;
}

/** Ends of these runs, waited for by a process that works. */
async function ends(child: ChildProcess, ids: readonly string[]): Promise<RunDescription[]> {
  child.send({ describe: ids });
  return (await answerOf(child)).runs as RunDescription[];
}

test('a task whose process was killed runs again within 2 s of the reopening, and only then', async () => {
  prepared();
  const victim = await opened({ HANG: '1' });
  await ask(victim, { work: true, start: 'one', ids: [1] });
  await workedBy(victim);
  await kill(victim);

  const next = await opened();
  await ask(next, { work: true });
  const again = await workedBy(next);
  console.log(`it ran again ${again.at - openedAt(next)} ms after the folder was opened anew`);
  expect(again.at - openedAt(next)).toBeLessThan(2_000);
  expect(worked().map(({ run, path, attempt }) => [run, path, attempt])).toEqual([
    ['one-1', '/0', 1],
    ['one-1', '/0', 1],
  ]);
  expect(await ends(next, ['one-1'])).toMatchObject([
    { status: { status: 'completed', output: 2 }, nodes: [{ state: 'completed', losses: 1, attempt: 1 }] },
  ]);
  await close(next);
}, 30_000);

test('runs that nobody worked on before the folder was closed begin at once when it is opened again', async () => {
  prepared();
  const starter = await opened();
  await ask(starter, { start: 'one', ids: [1, 2, 3] });
  await close(starter);
  const next = await opened();
  await ask(next, { work: true });
  await workedBy(next, 3);
  expect(Math.max(...worked().map(({ at }) => at)) - openedAt(next)).toBeLessThan(3_000);
  await close(next);
}, 30_000);

if (process.env.BATON_LONG)
  test('a delay goes on while nobody has the folder open', async () => {
    prepared();
    const first = await opened();
    await ask(first, { work: true, start: 'nap', ids: [1], waiting: 'nap-1' });
    await kill(first);
    await eventually(() => Date.now() - (worked()[0] as Entry).at > 1_100, { what: 'the delay is over' });
    const next = await opened();
    await ask(next, { work: true });
    await workedBy(next);
    expect(worked().map(({ path }) => path)).toEqual(['/0', '/2']);
    await close(next);
  }, 30_000);

test('killed again and again under load, it loses nothing and completes everything once', async () => {
  prepared();
  const perRound = 20;
  const rounds = process.env.BATON_LONG ? 6 : 3;
  const ids = Array.from({ length: perRound * rounds }, (_, i) => i);
  let child = await opened();
  for (let round = 0; round < rounds; round++) {
    await ask(child, { work: true, start: 'listed', ids: ids.slice(round * perRound, (round + 1) * perRound) });
    await workedBy(child, 30);
    if (round === rounds - 1) break;
    await kill(child);
    child = await opened();
  }
  const total = ids.reduce((sum, n) => sum + 4 + Math.max(1, 5 - n), 0);
  await eventually(() => new Set(worked().map(({ run, path }) => run + path)).size === total, {
    what: 'all is done',
    timeoutMs: 30_000,
  });
  const runs = await ends(
    child,
    ids.map((n) => `listed-${n}`),
  );
  await close(child);

  const all = worked();
  expect(runs.map(({ status }) => status)).toEqual(
    ids.map((n) => ({ status: 'completed', output: Math.max(n + 1, 5) })),
  );
  // Whatever ran twice was lost by a process that was killed: nothing else is done again.
  for (const { id, nodes } of runs)
    for (const { path, losses } of nodes) {
      const times = all.filter((entry) => entry.run === id && entry.path === path).length;
      expect(times, `${id} ${path}`).toBeLessThanOrEqual(1 + losses);
    }
}, 90_000);

test('of many processes that open it at once one has it, and the others are told which', async () => {
  prepared();
  const all = Array.from({ length: process.env.BATON_LONG ? 8 : 4 }, () => spawned());
  const answers = await Promise.all(all.map(answerOf));
  const winners = all.filter((_, i) => answers[i]?.opened);
  expect(winners.length).toBeLessThanOrEqual(1);
  for (const { refused } of answers.filter((answer) => !answer.opened))
    expect(refused).toMatchObject({ code: 'FOLDER_IN_USE' });
  const owner = winners[0] ?? (await opened());
  const other = spawned();
  expect(await answerOf(other)).toEqual({
    refused: {
      code: 'FOLDER_IN_USE',
      message: `${folder} is in use by process ${owner.pid}; one process at a time can have it open`,
    },
  });
}, 60_000);

test('killed while it is made for the first time, it is made anew', async () => {
  for (const afterMs of process.env.BATON_LONG ? [300, 1_000, 2_000] : [1_000]) {
    const child = spawned();
    await eventually(() => entries().some(({ pid }) => pid === child.pid), { what: 'it begins' });
    const until = Date.now() + afterMs;
    await eventually(() => Date.now() >= until || child.exitCode !== null);
    await kill(child);
  }
  const child = await opened();
  await ask(child, { work: true, start: 'one', ids: [1] });
  await workedBy(child);
  await close(child);
}, 60_000);
