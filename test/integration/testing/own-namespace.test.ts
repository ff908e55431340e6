import { type Channel, type ChannelModel, connect } from 'amqplib';
import pg from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { deleteQueues, uniqueName } from '../../../src/testing/services/own-namespace.js';
import { topologyOf } from '../../../src/transport/topology.js';
import { createDatabase, type TestDatabase } from '../../support/database.js';

let database: TestDatabase;
let connection: ChannelModel;

beforeAll(async () => {
  database = await createDatabase();
  connection = await connect(inject('amqpUrl'));
  connection.on('error', () => {});
});

afterAll(async () => {
  await connection.close();
  await database.drop();
});

/** Everything that Baton declares for a namespace, with one task queue, as the database says. */
async function declare(namespace: string): Promise<{ queues: string[]; exchanges: string[] }> {
  const { tasks, dead, control, events, deadQueue } = topologyOf(namespace);
  const queue = `baton.${namespace}.work`;
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client
    .query(
      `insert into baton.queues (namespace, name, workflow, hash, tags, priority) values ($1, $2, 'work', 'h', '{}', 3)`,
      [namespace, queue],
    )
    .finally(() => client.end());
  const channel = await connection.createChannel();
  for (const name of [queue, deadQueue]) await channel.assertQueue(name, { durable: true });
  for (const { name, type } of [tasks, dead, control, events]) await channel.assertExchange(name, type);
  channel.sendToQueue(queue, Buffer.from('left over'));
  await channel.close();
  return { queues: [queue, deadQueue], exchanges: [tasks, dead, control, events].map(({ name }) => name) };
}

/** Whether the broker has it: looking for what isn't there costs the channel. */
async function has(look: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    await look(channel);
  } catch (error) {
    expect((error as { code?: number }).code).toBe(404);
    return false;
  }
  await channel.close();
  return true;
}

test('a namespace’s queues and exchanges are deleted with what is in them, and no other’s', async () => {
  const [gone, kept] = [uniqueName('gone'), uniqueName('kept')];
  const [mine, theirs] = [await declare(gone), await declare(kept)];
  await deleteQueues(inject('amqpUrl'), gone, database.url);
  for (const name of mine.queues) expect(await has((channel) => channel.checkQueue(name))).toBe(false);
  for (const name of mine.exchanges) expect(await has((channel) => channel.checkExchange(name))).toBe(false);
  for (const name of theirs.queues) expect(await has((channel) => channel.checkQueue(name))).toBe(true);
  for (const name of theirs.exchanges) expect(await has((channel) => channel.checkExchange(name))).toBe(true);
  await deleteQueues(inject('amqpUrl'), kept, database.url);
});

test('deleting what was never declared, or is gone, does no harm', async () => {
  const namespace = uniqueName('never');
  await deleteQueues(inject('amqpUrl'), namespace, database.url);
  await deleteQueues(inject('amqpUrl'), namespace, database.url);
});
