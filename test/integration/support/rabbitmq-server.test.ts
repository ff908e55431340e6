import { once } from 'node:events';
import { type ChannelModel, connect, type GetMessage } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RabbitMqServer } from '../../support/rabbitmq-server.js';

let server: RabbitMqServer;

beforeAll(async () => {
  server = await RabbitMqServer.create();
  await server.start();
});

afterAll(() => server.close());

async function onBroker<T>(work: (connection: ChannelModel) => Promise<T>): Promise<T> {
  const connection = await connect(server.url);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

test('it is a node of its own, which keeps durable queues and messages through restarts', async () => {
  await onBroker(async (connection) => {
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('kept', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('kept', Buffer.from('hello'), { persistent: true });
    await channel.waitForConfirms();
  });
  expect(await server.ctl('list_queues', 'name', '--no-table-headers')).toBe('kept\n');
  await server.restart();
  await server.restart('SIGKILL');
  await onBroker(async (connection) => {
    const channel = await connection.createChannel();
    const message = await channel.get('kept', { noAck: true });
    expect(message).not.toBe(false);
    expect(String((message as GetMessage).content)).toBe('hello');
  });
});

test('while it is stopped nobody answers', async () => {
  await server.stop();
  await expect(connect(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.start();
  await onBroker(async (connection) => {
    await (await connection.createChannel()).close();
  });
});

test('under a memory alarm publishers are blocked, until it is over', async () => {
  await server.setMemoryAlarm(true);
  const connection = await connect(server.url);
  try {
    const blocked = once(connection, 'blocked');
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('', { exclusive: true });
    channel.publish('', 'nowhere', Buffer.from('x'));
    await blocked;
    const unblocked = once(connection, 'unblocked');
    await server.setMemoryAlarm(false);
    await unblocked;
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
});

test('closing it leaves nobody listening', async () => {
  await server.close();
  await expect(connect(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
