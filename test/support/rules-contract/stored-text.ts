/** Whatever a store holds, as a text to search in. */
import type pg from 'pg';

/** Bytes and strings end to end, however deep they lie. */
export function textOf(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('latin1')}\n`;
  if (typeof value !== 'object' || value === null || seen.has(value)) return '';
  seen.add(value);
  const inside = value instanceof Map ? [...value.entries()] : value instanceof Set ? [...value] : Object.values(value);
  return inside.map((one) => textOf(one, seen)).join('');
}

/** All that Baton's tables have. */
export async function storedIn(pool: Pick<pg.Pool, 'query'>): Promise<string> {
  const { rows } = await pool.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'baton'",
  );
  let text = '';
  for (const { name } of rows) text += textOf((await pool.query(`select * from baton.${name}`)).rows);
  return text;
}
