import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Flights } from '../../../src/transport/flights.js';

const OK = { ok: true } as const;

describe('batches on their way', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const start = (flights: Flights, messages: number, ms: number) => flights.start(messages, performance.now() + ms);

  test('land when every message has its outcome, in the order of the batch', async () => {
    const flight = start(new Flights(), 2, 1_000);
    const error = new Error('refused');
    flight.land(1, OK);
    flight.land(0, { ok: false, error });
    expect(await flight.landed).toEqual([{ ok: false, error }, OK]);
  });

  test('keep the first outcome of each message', async () => {
    const flight = start(new Flights(), 1, 1_000);
    flight.land(0, OK);
    flight.land(0, { ok: false, error: new Error('late') });
    expect(await flight.landed).toEqual([OK]);
  });

  test('end at their deadline, each at its own, with what has landed until then', async () => {
    const flights = new Flights();
    const long = start(flights, 2, 1_000);
    const short = start(flights, 1, 200);
    long.land(0, OK);
    await vi.advanceTimersByTimeAsync(210);
    expect(await short.landed).toMatchObject([{ ok: false, error: { code: 'NOT_CONFIRMED' } }]);
    await vi.advanceTimersByTimeAsync(800);
    expect(await long.landed).toMatchObject([OK, { ok: false, error: { code: 'NOT_CONFIRMED' } }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('use one timer, however many they are', () => {
    const flights = new Flights();
    for (let n = 0; n < 100; n++) start(flights, 1, 1_000 + n).land(0, OK);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('can be given up all at once', async () => {
    const flights = new Flights();
    const [one, two] = [start(flights, 1, 1_000), start(flights, 2, 1_000)];
    const error = new Error('blocked');
    flights.endAll(error);
    expect(await one.landed).toEqual([{ ok: false, error }]);
    expect(await two.landed).toEqual([
      { ok: false, error },
      { ok: false, error },
    ]);
  });

  test('are drained when the last has landed, and start anew afterwards', async () => {
    const flights = new Flights();
    const first = start(flights, 1, 1_000);
    const drained = vi.fn();
    const draining = flights.drain().then(drained);
    await vi.advanceTimersByTimeAsync(1);
    expect(drained).not.toHaveBeenCalled();
    first.land(0, OK);
    await draining;
    expect(vi.getTimerCount()).toBe(0);
    const next = start(flights, 1, 100);
    await vi.advanceTimersByTimeAsync(110);
    expect(await next.landed).toMatchObject([{ ok: false }]);
  });
});
