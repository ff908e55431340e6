/** Where a benchmark runs: a database and a namespace of its own, taken away again afterwards. */
import { randomBytes } from 'node:crypto';
import amqp from 'amqplib';
import pg from 'pg';

/** Its own database is nobody's place. */
export const SERVER = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const BROKER = process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

/** `postgres` and `rabbitmq` are URLs, `namespace` is nobody else's; `remove()` drops all of it. */
export async function createPlace() {
  const name = `baton_bench_${Date.now()}_${randomBytes(4).toString('hex')}`;
  await onPostgres(SERVER, (client) => client.query(`create database ${name}`));
  const postgres = Object.assign(new URL(SERVER), { pathname: `/${name}` }).href;
  const remove = async () => {
    await removeQueues(postgres, name);
    await onPostgres(SERVER, (client) => client.query(`drop database ${name} with (force)`));
  };
  return { postgres, rabbitmq: BROKER, namespace: name, remove };
}

/** Opens a connection for `work`, and closes it. */
export async function onPostgres(url, work) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function removeQueues(postgres, namespace) {
  const queues = await onPostgres(postgres, async (client) => {
    const { rows } = await client.query(`select to_regclass('baton.queues') is not null as migrated`);
    return rows[0].migrated ? (await client.query('select name from baton.queues')).rows.map((row) => row.name) : [];
  });
  const broker = await amqp.connect(BROKER);
  try {
    const channel = await broker.createChannel();
    for (const queue of [...queues, `baton.${namespace}.dead`]) await channel.deleteQueue(queue);
    for (const exchange of ['tasks', 'dead', 'control', 'events']) {
      await channel.deleteExchange(`baton.${namespace}.${exchange}`);
    }
  } finally {
    await broker.close();
  }
}
