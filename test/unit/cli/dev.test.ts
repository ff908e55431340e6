import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addressOf } from '../../../src/cli/dev/address.js';
import { type Board, boardLines, runsShown } from '../../../src/cli/dev/board.js';
import { sendFrame } from '../../../src/cli/dev/frames.js';
import { logLines } from '../../../src/cli/dev/log-lines.js';
import { Screen } from '../../../src/cli/dev/screen.js';
import { serve } from '../../../src/cli/dev/serve.js';
import { watchSources } from '../../../src/cli/dev/watch.js';
import { widthOf } from '../../../src/cli/text-width.js';
import { eventually } from '../../support/eventually.js';

const now = new Date('2026-01-02T03:04:05Z');
const ago = (ms: number) => new Date(now.getTime() - ms);
const run = (id: string, more: object = {}) =>
  ({
    id,
    workflow: 'order',
    hash: 'h',
    status: 'running',
    priority: 3,
    metadata: undefined,
    createdAt: ago(5_000),
    ...more,
  }) as Board['runs'][number];
const task = (runId: string, more: object = {}) =>
  ({
    runId,
    workflow: 'order',
    taskId: 'charge',
    path: '/0',
    attempt: 1,
    outcome: 'completed',
    durationMs: 12.3,
    at: now,
    ...more,
  }) as Board['tasks'][number];
const board = (more: Partial<Board> = {}): Board => ({
  title: 'order.mjs · .baton',
  worker: 'running.ready',
  workflows: ['order'],
  runs: [],
  tasks: [],
  ...more,
});
const plain = { colours: false, now: now.getTime() };
const clock = now.toTimeString().slice(0, 8);

describe('the board', () => {
  test('without runs it says how to start one', () => {
    expect(boardLines(board(), { columns: 80, rows: 24 }, plain)).toEqual([
      '',
      'baton dev · order.mjs · .baton · running.ready · Ctrl-C stops',
      "no runs yet; in another terminal: baton start order --input '{}'",
    ]);
  });

  test('lists the newest runs with where they are and how old, and the last tasks', () => {
    const runs = [
      run('A-3', { status: 'awaiting_signal', node: 'packed', signal: 'packed' }),
      run('A-2', { status: 'waiting', node: 'rest', until: ago(-3_000), createdAt: ago(7_200_000) }),
      run('A-1', { status: 'completed', createdAt: ago(172_800_000) }),
    ];
    const tasks = [task('A-2', { attempt: 2, outcome: 'retrying' }), task('A-3')];
    expect(boardLines(board({ runs, tasks }), { columns: 80, rows: 24 }, plain)).toEqual([
      '',
      'baton dev · order.mjs · .baton · running.ready · Ctrl-C stops',
      'RUN  WORKFLOW  STATUS           AGE  AT',
      'A-3  order     awaiting_signal  5 s  packed',
      'A-2  order     waiting          2 h  rest, 3 s left',
      'A-1  order     completed        2 d',
      '',
      `${clock}  A-2  charge  retrying in 12 ms, attempt 2`,
      `${clock}  A-3  charge  completed in 12 ms`,
    ]);
  });

  test.each([
    [24, 40],
    [30, 20],
    [10, 20],
  ])('fits a terminal of %i rows and %i columns, whatever there is to show', (rows, columns) => {
    const runs = Array.from({ length: 50 }, (_, i) => run(`a-run-with-a-long-name-${i}`));
    const tasks = Array.from({ length: 50 }, () => task('a-run-with-a-long-name'));
    const lines = boardLines(board({ runs, tasks }), { columns, rows }, plain);
    expect(lines.length).toBeLessThan(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.filter((line) => line.startsWith('a'))).toHaveLength(runsShown(rows));
  });

  test('counts columns, not code units, and lets no id draw on the terminal', () => {
    const runs = [run('訂單-☃-🚀'.repeat(9), { status: 'failed' }), run('evil\x1b[2J\nid')];
    const lines = boardLines(board({ runs }), { columns: 60, rows: 24 }, { colours: true, now: now.getTime() });
    const shown = lines.map((line) => stripVTControlCharacters(line));
    expect(Math.max(...shown.map(widthOf))).toBeLessThanOrEqual(60);
    expect(shown.join('\n')).toContain('evil\\u001b[2J\\nid');
    expect(
      shown.filter((line) => /order +(failed|running)/.test(line)).map((line) => widthOf(line.split('order')[0] ?? '')),
    ).toEqual([38, 38]);
    expect(lines.join('\n')).toContain('\x1b[31mfailed\x1b[39m');
  });
});

describe('the screen', () => {
  const up = (lines: number) => `\x1b[${lines}A\x1b[2K\x1b[1B\x1b[0J\x1b[1A`;

  test('draws its lines over the last ones, lets other output pass above, and goes without a trace', async () => {
    const [out, err] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
    const screen = new Screen([out, err]);
    let lines = ['one', 'two'];
    screen.show(() => lines);
    const drawn = () => out.read() as string | null;
    expect(await eventually(() => drawn())).toBe('one\ntwo\n');
    lines = ['three'];
    screen.update();
    expect(await eventually(() => drawn())).toBe(`${up(2)}three\n`);
    err.write('from elsewhere\n');
    expect(drawn()).toBe(up(1));
    expect(err.read()).toBe('from elsewhere\n');
    expect(await eventually(() => drawn())).toBe('three\n');
    screen.close();
    expect(drawn()).toBe(up(1));
    out.write('after');
    expect(drawn()).toBe('after');
  });

  test('takes away what a terminal that became narrower has broken into more rows', async () => {
    const out = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 80 });
    const screen = new Screen([out]);
    screen.show(() => ['\x1b[32mtwenty columns wide.\x1b[39m', '']);
    await eventually(() => out.read());
    out.columns = 9;
    screen.close();
    expect(out.read()).toBe(up(4));
  });
});

describe('a command of another terminal', () => {
  test('whose process is gone before it has read everything disturbs nobody', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-serve-'));
    const sockets: Socket[] = [];
    let served: Promise<void> | undefined;
    const server = createServer((socket) => {
      sockets.push(socket);
      served = serve(socket, { connect: () => Promise.reject(new Error('not here')), migrate: async () => {} });
    });
    await once(server.listen(join(folder, 'socket')), 'listening');
    // One that reads nothing: its end resets the connection.
    const client = new Socket().pause().connect(join(folder, 'socket'));
    const terminal = { isTTY: false, columns: undefined };
    sendFrame(client, { argv: ['--help'], cwd: folder, env: {}, stdout: terminal, stderr: terminal });
    await eventually(() => (sockets[0]?.bytesWritten ?? 0) > 0);
    client.destroy();
    await eventually(() => sockets[0]?.destroyed);
    await served;
    await once(server.close(), 'close');
    rmSync(folder, { recursive: true });
  });
});

describe('the log', () => {
  test('is a line with the fields that pino was given', () => {
    const out = new PassThrough({ encoding: 'utf8' });
    logLines(out).write(
      JSON.stringify({ level: 40, time: now.getTime(), pid: 1, hostname: 'h', name: 'baton', msg: 'odd', run: 'A-1' }),
    );
    expect(out.read()).toBe(`${clock}  warn  odd  run="A-1"\n`);
    logLines(out).write(JSON.stringify({ level: 50, time: now.getTime(), msg: 'bad', err: { message: 'no' } }));
    expect(out.read()).toBe(`${clock}  error  bad: no\n`);
  });
});

describe('the address', () => {
  test('is in the folder, unless that is too deep for a socket, and a pipe on Windows', () => {
    expect(addressOf('/home/ann/shop/.baton', 'linux')).toBe('/home/ann/shop/.baton/socket');
    const deep = `/${'x'.repeat(110)}`;
    expect(addressOf(deep, 'linux')).toMatch(new RegExp(`^${tmpdir()}/baton-[0-9a-f]{16}\\.socket$`));
    expect(addressOf(deep, 'linux')).not.toBe(addressOf(`${deep}y`, 'linux'));
    expect(addressOf('C:\\shop', 'win32')).toMatch(/^\\\\\.\\pipe\\baton-[0-9a-f]{16}$/);
  });
});

describe('watching sources', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-watch-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('tells of sources, in new folders too, once for several at a time, and of nothing else', async () => {
    for (const name of ['src', 'node_modules', '.git']) mkdirSync(join(folder, name));
    const changed: string[] = [];
    const watch = await watchSources(folder, (file) => changed.push(file));
    const put = (name: string) => writeFileSync(join(folder, name), 'x');
    for (const name of ['notes.txt', 'node_modules/a.js', '.git/b.js', 'data.json']) put(name);
    put('src/a.ts');
    put('src/b.mjs');
    await eventually(() => changed.length === 1);
    expect(changed).toEqual([join(folder, 'src/b.mjs')]);
    mkdirSync(join(folder, 'src', 'deep'));
    // The folder may be seen a moment later than what is in it.
    const seen = () => {
      put('src/deep/c.js');
      return changed.includes(join(folder, 'src/deep/c.js'));
    };
    await eventually(seen, { intervalMs: 150 });
    rmSync(join(folder, 'src'), { recursive: true });
    const before = changed.length;
    put('main.mjs');
    await eventually(() => changed.length > before);
    expect(changed.at(-1)).toBe(join(folder, 'main.mjs'));
    watch.close();
  });
});
