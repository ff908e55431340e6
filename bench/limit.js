/**
 * The limit that Baton is measured against: the least that a durable step costs on these services, written by hand.
 * Lease → no-op → commit → publish → ack, batched like Baton's, one hop through the broker a step, and on disk where
 * Baton's is: commits and messages are durable, leases commit without waiting for the disk. It has nothing else: no
 * heartbeats, sessions, codecs, retries or joins.
 */
import amqp from 'amqplib';
import pg from 'pg';
import { withResolvers } from './with-resolvers.js';

const SCHEMA = `
create schema if not exists by_hand;
drop table if exists by_hand.runs, by_hand.steps;
create table by_hand.runs (key bigint primary key, input bytea not null, status text not null default 'running');
create table by_hand.steps (
  run bigint not null, step int not null, state text not null default 'ready', token bigint, output bytea,
  started_at timestamptz, finished_at timestamptz, primary key (run, step)) with (fillfactor = 70)`;

const START = `
with runs as (insert into by_hand.runs (key, input) select * from unnest($1::bigint[], $2::bytea[]))
insert into by_hand.steps (run, step) select key, 1 from unnest($1::bigint[]) as q(key)`;

const LEASE = `
with leased as (
  update by_hand.steps s set state = 'leased', token = q.token, started_at = clock_timestamp()
  from unnest($1::bigint[], $2::int[], $3::bigint[]) as q(run, step, token)
  where s.run = q.run and s.step = q.step and s.state = 'ready'
  returning s.run, s.step, s.token)
select token, case when step = 1 then (select r.input from by_hand.runs r where r.key = leased.run)
  else (select b.output from by_hand.steps b where b.run = leased.run and b.step = leased.step - 1) end as input
from leased`;

const COMMIT = `
with done as (
  update by_hand.steps s set state = 'completed', output = q.output, finished_at = clock_timestamp()
  from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bytea[]) as q(run, step, token, output)
  where s.run = q.run and s.step = q.step and s.state = 'leased' and s.token = q.token
  returning s.run, s.step, s.token),
born as (insert into by_hand.steps (run, step) select run, step + 1 from done where step < $5),
ended as (update by_hand.runs r set status = 'completed' from done where done.step = $5 and r.key = done.run)
select token from done`;

// The plans and the disk are Baton's: see LANES in src/store/postgres/database.ts.
const PLANS = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off';
const BATCH = 256;

/** Steps per second of `runs` runs of `steps` steps, from the first start to the last commit. */
export async function measureLimit({ postgres, rabbitmq, namespace }, { runs, steps, inFlight }) {
  const [leasing, committing] = await Promise.all([
    connectPostgres(postgres, `${PLANS} -c synchronous_commit=off`),
    connectPostgres(postgres, PLANS),
  ]);
  // A connection each, as Baton has them, so that deliveries don't wait behind confirms.
  const [consumes, publishes] = await Promise.all([amqp.connect(rabbitmq), amqp.connect(rabbitmq)]);
  const [incoming, outgoing] = await Promise.all([consumes.createChannel(), publishes.createConfirmChannel()]);
  const queue = `by-hand.${namespace}`;
  await committing.query(SCHEMA);
  await incoming.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await incoming.prefetch(inFlight);
  try {
    const loop = new Loop({ leasing, committing, incoming, outgoing, queue, steps });
    await incoming.consume(queue, (message) => loop.receive(message));
    await loop.run(1, Math.ceil(runs / 5));
    const from = performance.now();
    await loop.run(runs + 1, runs);
    return (runs * steps) / ((performance.now() - from) / 1_000);
  } finally {
    await incoming.deleteQueue(queue);
    await Promise.all([consumes.close(), publishes.close(), leasing.end(), committing.end()]);
  }
}

class Loop {
  #token = 0;
  #left = 0;
  #ended = withResolvers();

  constructor({ leasing, committing, incoming, outgoing, queue, steps }) {
    Object.assign(this, { committing, outgoing, queue, steps });
    this.acks = new Acks(incoming);
    this.lease = new Batch(async (requests) => {
      const values = [
        requests.map((one) => one.run),
        requests.map((one) => one.step),
        requests.map((one) => one.token),
      ];
      return answers(requests, await leasing.query({ name: 'lease', text: LEASE, values }));
    });
    this.commit = new Batch(async (requests) => {
      const columns = ['run', 'step', 'token', 'output'].map((column) => requests.map((one) => one[column]));
      return answers(requests, await committing.query({ name: 'commit', text: COMMIT, values: [...columns, steps] }));
    });
  }

  /** Starts so many runs and resolves when all have ended. */
  async run(firstKey, count) {
    this.#left = count;
    this.#ended = withResolvers();
    const keys = Array.from({ length: count }, (_, i) => firstKey + i);
    await this.committing.query(START, [keys, keys.map((key) => Buffer.from(JSON.stringify(key)))]);
    await Promise.all(keys.map((run) => this.#publish({ run, step: 1 })));
    await this.#ended.promise;
  }

  receive(message) {
    if (message === null) this.#ended.reject(new Error('the queue was deleted under the benchmark'));
    else this.#work(message).catch((error) => this.#ended.reject(error));
  }

  async #work({ content, fields }) {
    const { run, step } = JSON.parse(content.toString());
    const token = ++this.#token;
    const leased = await this.lease.add({ run, step, token });
    const output = Buffer.from(JSON.stringify(noop(JSON.parse(leased.input.toString()))));
    await this.commit.add({ run, step, token, output });
    if (step < this.steps) await this.#publish({ run, step: step + 1 });
    this.acks.ack(fields.deliveryTag);
    if (step === this.steps && --this.#left === 0) this.#ended.resolve();
  }

  #publish(body) {
    return new Promise((resolve, reject) => {
      const content = Buffer.from(JSON.stringify(body));
      this.outgoing.sendToQueue(this.queue, content, { persistent: true }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }
}

function noop(value) {
  return value;
}

/** One statement in flight; what arrives meanwhile is the next one. */
class Batch {
  #waiting = [];
  #busy = false;

  constructor(send) {
    this.send = send;
  }

  add(request) {
    const { promise, resolve, reject } = withResolvers();
    this.#waiting.push({ request, resolve, reject });
    if (!this.#busy) void this.#flush();
    return promise;
  }

  async #flush() {
    this.#busy = true;
    // What one event brought in shares a statement.
    await new Promise(setImmediate);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const results = await this.send(batch.map(({ request }) => request));
        batch.forEach(({ resolve }, i) => resolve(results[i]));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#busy = false;
  }
}

/** Rows by token; a request without one means that the benchmark counts what didn't happen. */
function answers(requests, { rows }) {
  const byToken = new Map(rows.map((row) => [Number(row.token), row]));
  return requests.map(({ run, step, token }) => {
    const row = byToken.get(token);
    if (row === undefined) throw new Error(`step ${step} of run ${run} wasn't there to be taken`);
    return row;
  });
}

/** Acks of one turn of the event loop as one, up to the tag below which everything is done. */
class Acks {
  #floor = 0;
  #done = new Set();
  #scheduled = false;

  constructor(channel) {
    this.channel = channel;
  }

  ack(tag) {
    this.#done.add(tag);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush() {
    this.#scheduled = false;
    const before = this.#floor;
    while (this.#done.delete(this.#floor + 1)) this.#floor++;
    if (this.#floor > before) this.channel.ack({ fields: { deliveryTag: this.#floor } }, true);
  }
}

async function connectPostgres(connectionString, options) {
  const client = new pg.Client({ connectionString, options });
  await client.connect();
  return client;
}
