/** A channel for one request that the broker may answer by closing it. */
import type { Channel, ChannelModel } from 'amqplib';

/** Rejects with the broker's reason. */
export async function onThrowAwayChannel<T>(model: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await model.createChannel();
  let closed = false;
  channel.on('error', () => {
    // The request that caused it rejects with the same reason.
  });
  channel.once('close', () => {
    closed = true;
  });
  try {
    return await work(channel);
  } finally {
    if (!closed) {
      // Nobody waits for the goodbye; it fails where the connection goes first, which its owner sees.
      channel.close().catch(() => {});
    }
  }
}
