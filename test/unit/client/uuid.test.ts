import { describe, expect, test } from 'vitest';
import { uuidV7 } from '../../../src/client/uuid.js';

describe('ids of runs', () => {
  test('an id is the example of RFC 9562 for its time and its random bits', () => {
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
    expect(uuidV7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  test('ids sort by the time they were made', () => {
    const ids = [1, 255, 65_536, Date.now(), 2 ** 47].map((at) => uuidV7(at));
    expect([...ids].sort()).toEqual(ids);
  });

  test('ids of one moment differ', () => {
    const ids = Array.from({ length: 1_000 }, () => uuidV7(1));
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
