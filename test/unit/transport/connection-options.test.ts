import { describe, expect, test } from 'vitest';
import { connectionOptions } from '../../../src/transport/connection-options.js';

describe('the address of a broker', () => {
  test.each([
    ['amqp://user:secret@broker.example:5673/vhost', 'broker.example:5673'],
    ['amqps://broker.example', 'broker.example:5671'],
    ['amqp://127.0.0.1', '127.0.0.1:5672'],
    [{ hostname: 'broker.example', password: 'secret' }, 'broker.example:5672'],
    [{ protocol: 'amqps' }, 'localhost:5671'],
  ])('%j is shown as %s, without its credentials', (address, target) => {
    expect(connectionOptions(address, 'name').target).toBe(target);
  });

  test('gets a heartbeat that notices a vanished broker within seconds, unless it names its own', () => {
    expect(connectionOptions('amqp://u:p@host/v', 'name').address).toBe('amqp://u:p@host/v?heartbeat=10');
    expect(connectionOptions('amqp://host?heartbeat=60', 'name').address).toBe('amqp://host?heartbeat=60');
    expect(connectionOptions({ vhost: 'v' }, 'name').address).toMatchObject({
      vhost: 'v',
      heartbeat: 10,
      hostname: 'localhost',
    });
    expect(connectionOptions({ heartbeat: 60 }, 'name').address).toMatchObject({ heartbeat: 60 });
  });

  test.each(['postgres://user:secret@host', 'user:secret@host', ''])(
    '%j is refused without repeating it',
    (address) => {
      expect(() => connectionOptions(address, 'name')).toThrow(
        expect.objectContaining({ code: 'CONFIG', message: expect.not.stringContaining('secret') }),
      );
    },
  );

  test('goes with a name for the connection and what the user wants of the socket', () => {
    const { socket } = connectionOptions('amqp://host', 'baton (publish)', {
      ca: ['x'],
      clientProperties: { product: 'shop' },
    });
    expect(socket).toMatchObject({
      noDelay: true,
      ca: ['x'],
      clientProperties: { connection_name: 'baton (publish)', product: 'shop' },
    });
  });
});
