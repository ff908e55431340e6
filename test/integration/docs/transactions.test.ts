/** What docs/transactions.md shows runs, as it stands there, on a real Postgres: pg, Drizzle and Kysely alike. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AnyTask, Baton, RunHandle, Worker } from 'batonmq';
import { connect, flow } from 'batonmq';
import type pg from 'pg';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ownServices } from '../../support/own-services.js';
import { blocksOf, linesOf } from '../../support/pages.js';

const ROOT = new URL('../../../', import.meta.url);
/** Within the package, so that its own name is resolved. */
const FOLDER = new URL(`dist/docs-${process.pid}/`, ROOT);

interface Order {
  readonly id: string;
  readonly amount: number;
}
interface Shown {
  readonly pool: pg.Pool;
  readonly kysely: { destroy(): Promise<void> };
  readonly book: AnyTask;
  readonly bookWithDrizzle: AnyTask;
  readonly bookWithKysely: AnyTask;
  placeOrder(order: Order): Promise<RunHandle>;
  placeOrderWithDrizzle(order: Order): Promise<RunHandle>;
  placeOrderWithKysely(order: Order): Promise<RunHandle>;
}

const TABLES = `
create table orders (id text primary key, amount int not null);
create table payments (order_id text primary key, amount int not null)`;

const services = ownServices('docs');
const checkout = flow<Order>('checkout')
  .then('pay', ({ amount }) => amount)
  .build();
let baton: Baton;
let worker: Worker;
let shown: Shown;

beforeAll(async () => {
  vi.stubEnv('DATABASE_URL', services.postgres);
  baton = await connect(services);
  shown = await load({ baton, checkout });
  for (const statement of TABLES.split(';')) await shown.pool.query(statement);
  const workflows = (['book', 'bookWithDrizzle', 'bookWithKysely'] as const).map(paying);
  worker = baton.worker({ workflows: [checkout, ...workflows] });
  await worker.start();
});
afterAll(async () => {
  await baton.close();
  await shown.pool.end();
  await rm(FOLDER, { recursive: true });
});

/** The page's blocks as one module, which is given what the README made before. */
async function load(before: object): Promise<Shown> {
  const blocks = blocksOf(linesOf('docs/transactions.md'), 'ts').join('\n');
  const names =
    'pool, kysely, book, bookWithDrizzle, bookWithKysely, placeOrder, placeOrderWithDrizzle, placeOrderWithKysely';
  const program = `import { task } from 'batonmq';\n${blocks}\nconst { ${Object.keys(before).join(', ')} } = globalThis.shownBefore;\nexport { ${names} };`;
  const { outputText } = ts.transpileModule(program, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  await mkdir(FOLDER, { recursive: true });
  const file = new URL('transactions.mjs', FOLDER);
  await writeFile(file, outputText);
  Object.assign(globalThis, { shownBefore: before });
  return import(/* @vite-ignore */ pathToFileURL(fileURLToPath(file)).href) as Promise<Shown>;
}

const paying = (name: 'book' | 'bookWithDrizzle' | 'bookWithKysely') =>
  flow<{ order: string; amount: number }>(name).then(shown[name]).build();

const count = async (table: string, id: string) => {
  const { rowCount } = await shown.pool.query(`select from ${table} t where to_jsonb(t)::text like $1`, [`%"${id}"%`]);
  return rowCount;
};

test.each([
  ['pg', 'placeOrder', 'book', 30],
  ['Drizzle', 'placeOrderWithDrizzle', 'bookWithDrizzle', { order: 'Drizzle', total: 30 }],
  ['Kysely', 'placeOrderWithKysely', 'bookWithKysely', { order: 'Kysely', total: 30 }],
] as const)(
  'with %s an order and its run are there together, and its payment is booked with the task',
  async (id, place, book, booked) => {
    const order = { id, amount: 30 };
    const run = await shown[place](order);
    expect(await run.result({ timeout: '20s' })).toBe(30);
    expect(await count('orders', id)).toBe(1);
    const payment = await baton.start(paying(book), { order: id, amount: 30 });
    expect(await payment.result({ timeout: '20s' })).toEqual(booked);
    expect(await count('payments', id)).toBe(1);
    await shown.pool.query('delete from payments');
  },
);

test.each([['placeOrder'], ['placeOrderWithDrizzle'], ['placeOrderWithKysely']] as const)(
  '%s leaves no order where the run is refused, and no run where the order is',
  async (place) => {
    await baton.start(checkout, { id: `${place}-taken`, amount: 1 }, { id: `${place}-taken` });
    await expect(shown[place]({ id: `${place}-taken`, amount: 2 })).rejects.toMatchObject({ code: 'RUN_EXISTS' });
    expect(await count('orders', `${place}-taken`)).toBe(0);
    await expect(shown[place]({ id: `${place}-null`, amount: null as never })).rejects.toThrow();
    await expect(baton.run(`${place}-null`).status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  },
);
