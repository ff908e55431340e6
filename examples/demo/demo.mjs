/**
 * Durable, before your eyes: an order runs in a worker process, which is killed with SIGKILL in the middle of a task.
 * Another process opens the same folder, and the order goes on. Needs nothing but Node.
 *
 *     npm run demo
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));
/** It takes some 10 s; something is wrong if it takes this long. */
const TIMEOUT_MS = 90_000;

const startedAt = performance.now();
const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (style, text) => (colours ? styleText(style, text) : text);
const seconds = () => `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)} s`;
const say = (who, text) => console.log(`${paint('dim', seconds())}  ${who.padEnd(12)}  ${text}`);
const aside = (text) => console.log(`\n${paint('bold', text)}\n`);

const folder = mkdtempSync(join(tmpdir(), 'baton-demo-'));
let worker;

/** A worker process whose every word is shown; resolves when it runs. */
async function startWorker() {
  const child = fork(WORKER, [folder]);
  const who = `worker ${child.pid}`;
  child.on('message', ({ state, task, log, rests, waitsFor }) => {
    if (state) say(who, paint('cyan', state));
    if (task) say(who, `${task.taskId.padEnd(11)} ${outcomeOf(task)}`);
    if (log?.task) say(who, `${log.task.padEnd(11)} ${log.msg}`);
    if (rests) say('the order', `${rests.padEnd(11)} rests in Postgres; no process holds it`);
    if (waitsFor) say('the order', `${waitsFor.padEnd(11)} is the signal that it waits for`);
  });
  child.on('exit', (code, signal) => {
    if (signal !== 'SIGKILL' && code !== 0) fail(`the worker ended with ${signal ?? `code ${code}`}`);
  });
  await news(child, 'ready');
  return child;
}

function outcomeOf({ outcome, attempt, durationMs, path }) {
  const round = /#(\d+)/.exec(path)?.[1];
  const which = round === undefined ? '' : `, round ${Number(round) + 1}`;
  return `${paint('green', outcome)} in ${Math.round(durationMs)} ms${attempt > 1 ? `, attempt ${attempt}` : ''}${which}`;
}

/** Resolves with the next message of that kind. */
function news(child, kind, fits = () => true) {
  return new Promise((resolve) => {
    child.on('message', function hear(message) {
      if (!(kind in message && fits(message[kind]))) return;
      child.off('message', hear);
      resolve(message[kind]);
    });
  });
}

function fail(reason) {
  console.error(`the demo failed: ${reason}`);
  worker?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}

setTimeout(() => fail(`not done within ${TIMEOUT_MS / 1_000} s`), TIMEOUT_MS).unref();
process.on('SIGINT', () => fail('interrupted'));

aside('A worker starts, with Postgres inside its process (the first time takes 5 s).');
worker = await startWorker();

aside('An order comes in: reserve, then charge beside the invoice.');
const charging = news(worker, 'log', ({ task }) => task === 'charge');
worker.send({ start: { id: 'A-1', amount: 120 } });
await charging;
await new Promise((resolve) => setTimeout(resolve, 500));

aside(`The worker is killed inside charge: kill -9 ${worker.pid}`);
const gone = once(worker, 'exit');
process.kill(worker.pid, 'SIGKILL');
await gone;

aside('Another process opens the same folder, and the order goes on by itself.');
worker = await startWorker();
await news(worker, 'waitsFor');

aside('Nothing runs while it waits. The bell rings: the signal is sent.');
const [, result] = await Promise.all([worker.send({ signal: { name: 'Ann' } }), news(worker, 'result')]);

aside(`The result: ${JSON.stringify(result)}`);
const finished = once(worker, 'exit');
worker.send({ finish: true });
await finished;
rmSync(folder, { recursive: true, force: true });
process.exit(0);
