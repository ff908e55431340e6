/**
 * What Baton needs of the socket under an amqplib connection, which amqplib keeps to itself: a way to end it
 * without the broker's answer, and writes that go out together. Where a version hides it elsewhere, connections
 * end by their heartbeat and writes go out one by one.
 */
import type { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';

function socketOf(model: ChannelModel): Duplex | undefined {
  return (model.connection as unknown as { stream?: Duplex }).stream;
}

/** Ends a connection whose other side may not answer, and resolves when all its channels know. */
export async function cut(model: ChannelModel, error: Error): Promise<void> {
  const socket = socketOf(model);
  if (socket === undefined || socket.destroyed) return;
  const closed = new Promise<void>((resolve) => {
    model.once('close', () => resolve());
  });
  socket.destroy(error);
  await closed;
}

/**
 * amqplib writes frame by frame, a system call and a packet each. All frames of one turn in one write take a third
 * off the processor time of a published message, here and in the broker.
 */
export function writeTogether(model: ChannelModel): void {
  const socket = socketOf(model);
  if (socket === undefined) return;
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let corked = false;
  const uncork = () => {
    corked = false;
    socket.uncork();
  };
  socket.write = (...args: unknown[]) => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    return write(...args);
  };
}
