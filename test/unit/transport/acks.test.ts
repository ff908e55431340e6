import { type Channel, IllegalOperationError } from 'amqplib';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Acks } from '../../../src/transport/acks.js';

/** Keeps the rules of a broker: a tag is settled once, `multiple` settles everything open up to it. */
class BrokerChannel {
  readonly open = new Set<number>();
  readonly acked: number[] = [];
  readonly returned: number[] = [];
  readonly rejected: number[] = [];
  frames = 0;
  closing = false;

  ack({ fields }: { fields: { deliveryTag: number } }, upTo = false): void {
    this.frame();
    this.take(fields.deliveryTag, upTo, this.acked);
  }

  nack({ fields }: { fields: { deliveryTag: number } }, upTo = false, requeue = true): void {
    this.frame();
    this.take(fields.deliveryTag, upTo, requeue ? this.returned : this.rejected);
  }

  private frame(): void {
    if (this.closing) throw new IllegalOperationError('Channel closing');
    this.frames++;
  }

  private take(tag: number, upTo: boolean, into: number[]): void {
    if (!this.open.has(tag)) throw new Error(`PRECONDITION_FAILED - unknown delivery tag ${tag}`);
    for (const open of [...this.open]) {
      if (open !== tag && !(upTo && open < tag)) continue;
      this.open.delete(open);
      into.push(open);
    }
  }
}

function deliver(count: number, onIdle = () => {}) {
  const channel = new BrokerChannel();
  const acks = new Acks(channel as unknown as Channel, onIdle);
  for (let tag = 1; tag <= count; tag++) {
    channel.open.add(tag);
    acks.delivered();
  }
  return { channel, acks };
}

describe('the acks of a channel', () => {
  test('go out as one frame when nothing below them is open', () => {
    const { channel, acks } = deliver(5);
    for (const tag of [3, 1, 2]) acks.ack(tag);
    acks.flush();
    expect(channel.frames).toBe(1);
    expect([...channel.open]).toEqual([4, 5]);
  });

  test('go out one by one above an open delivery, and together again once it is settled', () => {
    const { channel, acks } = deliver(6);
    for (const tag of [2, 3]) acks.ack(tag);
    acks.flush();
    expect(channel.frames).toBe(2);
    for (const tag of [1, 4, 5]) acks.ack(tag);
    acks.flush();
    expect(channel.frames).toBe(3);
    expect([...channel.open]).toEqual([6]);
  });

  test('are sent in a later turn of the event loop, without being asked', async () => {
    const onIdle = vi.fn();
    const { channel, acks } = deliver(2, onIdle);
    acks.ack(1);
    acks.ack(2);
    expect(channel.frames).toBe(0);
    await vi.waitFor(() => expect(channel.acked).toEqual([1, 2]));
    expect(onIdle).toHaveBeenCalledOnce();
  });

  test('stop when the channel is about to close, for its deliveries come again', () => {
    const { channel, acks } = deliver(3);
    channel.closing = true;
    acks.giveBack(2);
    expect(acks.live).toBe(false);
    acks.flush();
    expect(channel.frames).toBe(0);
  });

  test('tell the broker exactly what was settled, once, in whatever order and turns it was', () => {
    const step = fc.record({
      pick: fc.nat(),
      how: fc.constantFrom('ack', 'ack', 'ack', 'giveBack', 'reject', 'flush', 'deliver'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { channel, acks } = deliver(4);
        let last = 4;
        const inHand = new Set([1, 2, 3, 4]);
        const expected = { ack: new Set<number>(), giveBack: new Set<number>(), reject: new Set<number>() };
        for (const { pick, how } of steps) {
          if (how === 'flush') acks.flush();
          else if (how === 'deliver') {
            channel.open.add(++last);
            inHand.add(last);
            acks.delivered();
          } else if (inHand.size > 0) {
            const tag = [...inHand][pick % inHand.size] as number;
            inHand.delete(tag);
            expected[how].add(tag);
            acks[how](tag);
          }
        }
        acks.flush();
        const sorted = (tags: Iterable<number>) => [...tags].sort((a, b) => a - b);
        expect(sorted(channel.acked)).toEqual(sorted(expected.ack));
        expect(sorted(channel.returned)).toEqual(sorted(expected.giveBack));
        expect(sorted(channel.rejected)).toEqual(sorted(expected.reject));
        expect(sorted(channel.open)).toEqual(sorted(inHand));
        expect(acks.outstanding).toBe(inHand.size);
      }),
      { numRuns: 500 },
    );
  });
});
