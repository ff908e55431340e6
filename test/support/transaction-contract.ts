/**
 * What tasks with a transaction of their own promise, on every Postgres: one on the network, and one in this process.
 * Effects are counted in a table of the tests' own, beside Baton's schema.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Baton } from '../../src/client/baton.js';
import { ConfigError, NonRetryableError } from '../../src/core/errors.js';
import { branch, flow, type Tx, task, type Workflow } from '../../src/core/flow.js';
import type { Worker } from '../../src/runtime/worker.js';

export interface TransactionPlace {
  /** Nothing else is stored while a task's transaction is open. */
  readonly exclusive: boolean;
  baton(): Promise<Baton>;
  /** Reads and writes beside Baton, outside of any task. */
  query<R>(text: string, values?: unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

const TABLES = `
create table effects (id serial primary key, what text not null);
create table parents (id int primary key);
create table children (parent int references parents deferrable initially deferred)`;

const write = (tx: Tx, what: string) => tx.query('insert into effects (what) values ($1)', [what]);

export function transactionContract(name: string, open: () => Promise<TransactionPlace>): void {
  describe(name, () => {
    let place: TransactionPlace;
    let baton: Baton;
    const workers: Worker[] = [];
    beforeAll(async () => {
      place = await open();
      baton = await place.baton();
      for (const statement of TABLES.split(';')) await place.query(statement);
    });
    afterEach(async () => {
      for (const worker of workers.splice(0)) await worker.stop({ timeout: 0 });
      await place.query('delete from effects');
    });
    afterAll(async () => {
      await baton.close();
      await place.close();
    });

    const work = async (...workflows: Workflow[]): Promise<Worker> => {
      const worker = baton.worker({ workflows });
      workers.push(worker);
      await worker.start();
      return worker;
    };
    const effects = async () =>
      (await place.query<{ what: string }>('select what from effects order by id')).map(({ what }) => what);
    /** Runs a workflow of this one task, and says how it ended. */
    const outcome = async (id: string, fn: Parameters<typeof task.transaction>[1], options = {}) => {
      const workflow = flow<string>(id)
        .then(task.transaction(id, fn as never, options))
        .build();
      await work(workflow);
      const run = await baton.start(workflow, 'in');
      await run.result({ timeout: '10s' }).catch(() => {});
      return run.status();
    };

    test('what a task writes is committed with its completion, and what follows goes on', async () => {
      const workflow = flow<string>('chain')
        .then(task('before', (what: string) => `${what}!`))
        .then(
          task.transaction('write', async (what: string, tx, ctx) => {
            await write(tx, `${what} ${ctx.attempt}`);
            const { rows } = await tx.query<{ n: number }>('select count(*)::int as n from effects');
            return rows[0]?.n;
          }),
        )
        .fork([
          branch(
            'left',
            task.transaction('left', (n: number | undefined, tx) => write(tx, `left ${n}`).then(() => 'l')),
          ),
          branch(
            'right',
            task.transaction('right', (n: number | undefined, tx) => write(tx, `right ${n}`).then(() => 'r')),
          ),
        ])
        .join('both', ([left, right]) => left + right)
        .build();
      await work(workflow);
      expect(await (await baton.start(workflow, 'go')).result({ timeout: '10s' })).toBe('lr');
      expect((await effects()).sort()).toEqual(['go! 1', 'left 1', 'right 1']);
    });

    test('a task that fails has written nothing, and each attempt begins anew', async () => {
      const status = await outcome(
        'flaky',
        async (_in, tx, ctx) => {
          await write(tx, `attempt ${ctx.attempt}`);
          if (ctx.attempt < 3) throw new Error('not yet');
          return 'done';
        },
        { retry: { maxRetries: 2, initialDelay: 1 } },
      );
      expect(status).toMatchObject({ status: 'completed', output: 'done' });
      expect(await effects()).toEqual(['attempt 3']);
    });

    test('an output that cannot be stored undoes what the task wrote', async () => {
      const status = await outcome('odd', async (_in, tx) => {
        await write(tx, 'odd');
        return () => 'a function';
      });
      expect(status).toMatchObject({ status: 'failed', error: { name: 'CodecError' } });
      expect(await effects()).toEqual([]);
    });

    test('a task whose time is up has written nothing, also in the middle of a statement', async () => {
      const late: unknown[] = [];
      const status = await outcome(
        'slow',
        async (_in, tx) => {
          await write(tx, 'slow');
          await new Promise((resolve) => setTimeout(resolve, 200));
          await write(tx, 'late').catch((error: unknown) => late.push(error));
        },
        { timeout: 50 },
      );
      expect(status).toMatchObject({ status: 'failed', error: { name: 'TaskTimeoutError' } });
      await expect.poll(() => late).toMatchObject([{ message: expect.stringMatching(/transaction has ended/) }]);
      expect(await effects()).toEqual([]);
    });

    test.each([
      'commit',
      'ROLLBACK',
      ' begin',
      'rollback work',
      'end;',
      'start transaction',
      'abort',
      "prepare transaction 'x'",
    ])('the task cannot end its transaction itself: %s', async (statement) => {
      const errors: unknown[] = [];
      const status = await outcome(`ends-${statement.trim().replaceAll(/\W/g, '')}`, async (_in, tx) => {
        await write(tx, 'kept');
        await tx.query(statement).catch((error: unknown) => errors.push(error));
        return 'went on';
      });
      expect(errors).toMatchObject([{ message: expect.stringMatching(/use savepoints within it/) }]);
      expect(errors[0]).toBeInstanceOf(NonRetryableError);
      expect(status).toMatchObject({ status: 'completed' });
      expect(await effects()).toEqual(['kept']);
    });

    test.each(['/* by the way */ commit', 'select 1; commit', 'select 1; rollback; begin'])(
      'a task that ends its transaction by a detour has failed, not silently: %s',
      async (statement) => {
        const status = await outcome(`detour-${statement.length}`, async (_in, tx) => {
          await write(tx, 'a part');
          await tx.query(statement);
          await write(tx, 'the rest');
        });
        expect(status).toMatchObject({
          status: 'failed',
          error: { name: 'TaskTransactionError', message: expect.stringMatching(/ended it; use savepoints/) },
        });
      },
    );

    test('savepoints are the way to undo a part of it', async () => {
      const status = await outcome('savepoints', async (_in, tx) => {
        await write(tx, 'kept');
        await tx.query('savepoint part');
        await write(tx, 'undone');
        await tx.query('rollback to savepoint part');
        return 'done';
      });
      expect(status).toMatchObject({ status: 'completed' });
      expect(await effects()).toEqual(['kept']);
    });

    test('a statement that failed and was passed over fails the task, not silently', async () => {
      const status = await outcome('swallows', async (_in, tx) => {
        await write(tx, 'lost');
        await tx.query('select 1 / 0').catch(() => {});
        return 'went on';
      });
      expect(status).toMatchObject({
        status: 'failed',
        error: { name: 'TaskTransactionError', code: 'TASK_TRANSACTION' },
      });
      expect(await effects()).toEqual([]);
    });

    test('a deferred constraint that refuses the commit fails the attempt, which is retried', async () => {
      const status = await outcome(
        'deferred',
        async (_in, tx, ctx) => {
          await write(tx, `attempt ${ctx.attempt}`);
          await tx.query('insert into children values (1)');
          if (ctx.attempt === 2) await tx.query('insert into parents values (1)');
          return ctx.attempt;
        },
        { retry: { maxRetries: 1, initialDelay: 1 } },
      );
      expect(status).toMatchObject({ status: 'completed', output: 2 });
      expect(await effects()).toEqual(['attempt 2']);
    });

    test('a run started in it is started with its commit, and only then', async () => {
      const child = flow<string>('child')
        .then('greet', (name: string) => `hello ${name}`)
        .build();
      const parent = flow<string>('parent')
        .then(
          task.transaction(
            'spawn',
            async (name: string, tx, ctx) => {
              await baton.start(child, name, { id: `child-${ctx.attempt}`, tx });
              if (ctx.attempt === 1) throw new Error('not yet');
              return `child-${ctx.attempt}`;
            },
            { retry: { maxRetries: 1, initialDelay: 1 } },
          ),
        )
        .build();
      await work(parent, child);
      const id = await (await baton.start(parent, 'you')).result({ timeout: '10s' });
      expect(id).toBe('child-2');
      expect(await baton.run(child, id).result({ timeout: '10s' })).toBe('hello you');
      await expect(baton.run('child-1').status()).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    });

    test('many of them at once all get their turn, and other tasks go on meanwhile', async () => {
      const transactional = flow<number>('many')
        .then(
          task.transaction('write', async (n: number, tx) => {
            await write(tx, `n${n}`);
            return n;
          }),
        )
        .build();
      const worker = baton.worker({ workflows: [transactional], concurrency: 50 });
      workers.push(worker);
      await worker.start();
      const handles = await baton.startMany(
        transactional,
        Array.from({ length: 60 }, (_, i) => i),
      );
      const outputs = await Promise.all(handles.map((run) => run.result({ timeout: '20s' })));
      expect(outputs).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(new Set(await effects()).size).toBe(60);
      expect(await effects()).toHaveLength(60);
    });

    test('a cancelled run keeps nothing of what its task wrote', async () => {
      let began = () => {};
      const under = new Promise<void>((resolve) => {
        began = resolve;
      });
      const workflow = flow<string>('cancelled')
        .then(
          task.transaction(
            'waits',
            async (_in: string, tx, { signal }) => {
              await write(tx, 'never');
              began();
              await new Promise((resolve) => signal.addEventListener('abort', resolve));
              return 'late';
            },
            { timeout: '1s' },
          ),
        )
        .build();
      await work(workflow);
      const run = await baton.start(workflow, 'x');
      await under;
      // Where there is but one session, the cancel waits for the task's time to be up.
      await run.cancel().catch((error: { code: string }) => expect(error.code).toBe('RUN_TERMINAL'));
      await expect(run.result({ timeout: '10s' })).rejects.toThrow();
      expect(await effects()).toEqual([]);
    });

    test('what would wait for the transaction it is called from is refused, not hung', async () => {
      const errors: unknown[] = [];
      const status = await outcome('inside', async (_in, tx) => {
        await write(tx, 'kept');
        const other = flow<string>('other')
          .then('x', (x: string) => x)
          .build();
        await baton.start(other, 'x', { id: 'other' }).catch((error: unknown) => errors.push(error));
        return 'done';
      });
      expect(status).toMatchObject({ status: 'completed' });
      expect(errors.map((error) => error instanceof ConfigError)).toEqual(place.exclusive ? [true] : []);
      expect(await effects()).toEqual(['kept']);
    });
  });
}
