import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ValidationError } from '../../../src/core/errors.js';
import { validate } from '../../../src/core/validate.js';

const order = z.object({ id: z.string(), items: z.array(z.object({ n: z.number() })) });

describe('validate', () => {
  test('resolves to what the schema makes of the value', async () => {
    expect(
      await validate(
        z.string().transform((s) => s.length),
        'four',
        'input',
      ),
    ).toBe(4);
    expect(await validate(order, { id: 'a', items: [], more: 1 }, 'input')).toEqual({ id: 'a', items: [] });
  });

  test('waits for a schema that takes its time', async () => {
    const schema = z.string().refine(async (s) => s !== 'taken', 'is taken');
    expect(await validate(schema, 'free', 'input')).toBe('free');
    await expect(validate(schema, 'taken', 'input')).rejects.toThrow(/is taken/);
  });

  test('rejects with every issue, each with its path, saying where', async () => {
    const rejected = validate(order, { items: [{ n: 1 }, { n: 'x' }] }, 'input of task charge');
    await expect(rejected).rejects.toBeInstanceOf(ValidationError);
    const error = (await rejected.catch((thrown: unknown) => thrown)) as ValidationError;
    expect(error.code).toBe('VALIDATION');
    expect(error.issues.map(({ path }) => path)).toEqual([['id'], ['items', '1', 'n']]);
    expect(error.message).toMatch(/the input of task charge is not valid: id: .*; items\.1\.n: /);
  });

  test('takes paths of keys and of segments, and issues without one', async () => {
    const issues = [{ message: 'no', path: [{ key: 'a' }, 0] }, { message: 'at all' }];
    const schema: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } };
    await expect(validate(schema, 1, 'output')).rejects.toThrow('a.0: no; at all');
  });
});
