/** New activations as parallel arrays for `unnest`: `ord` says which request of the batch each belongs to. */
import type { ActivationRow } from '../store.js';

export interface Child {
  /** From 1: the request's place in the batch. */
  readonly ord: number;
  readonly row: ActivationRow;
}

/** The arrays that `childCte` unnests, in order. */
export function childArrays(children: readonly Child[]): unknown[] {
  return [
    children.map(({ ord }) => ord),
    children.map(({ row }) => row.path),
    children.map(({ row }) => row.state),
    children.map(({ row }) => row.queue),
    children.map(({ row }) => row.source),
    children.map(({ row }) => row.recipe),
    children.map(({ row }) => row.input ?? null),
    children.map(({ row }) => row.pending ?? null),
    children.map(({ row }) => row.dueInMs ?? null),
    children.map(({ row }) => row.signal ?? null),
    children.map(({ row }) => row.leaseNumber ?? null),
  ];
}

/** `child(ord, path, state, …)` as a CTE over parameters `$first …`. */
export function childCte(first: number): string {
  const p = (offset: number, type: string) => `$${first + offset}::${type}[]`;
  return `child as (
    select * from unnest(${p(0, 'int')}, ${p(1, 'text')}, ${p(2, 'text')}, ${p(3, 'int')}, ${p(4, 'text')},
      ${p(5, 'text')}, ${p(6, 'bytea')}, ${p(7, 'int')}, ${p(8, 'float8')}, ${p(9, 'text')}, ${p(10, 'bigint')})
      with ordinality as c(ord, path, state, queue, source, recipe, input, pending, due_ms, signal, lease_number, rank))`;
}

/**
 * The three CTEs that insert a batch's children: `born` (the rows), `timed` (their timers), `parked` (their waits).
 *
 * @param parent a relation with `ord`, `run_key` and the run's locked `status`
 * @param session the parameter of the session that stamps or leases them; `null` for a client
 * @param mayLease an SQL condition for eager leases
 * @param stamp when the message of what is ready is published
 */
export function bornCtes(
  parent: string,
  session: string,
  mayLease: string,
  namespace: string,
  stamp = 'clock_timestamp()',
): string {
  return `kin as (
    select p.run_key, c.*,
      case
        when c.state <> 'ready' then c.state
        when p.status = 'paused' then 'held'
        when c.lease_number is not null and ${mayLease} then 'leased'
        else 'ready'
      end as born_state
    from ${parent} p join child c on c.ord = p.ord),
  born as (
    insert into baton.activations as a
      (run_key, path, state, live, queue, session, number, pending, ready_at, published_at, started_at, source, recipe, input)
    select run_key, path, born_state, born_state in ('ready', 'leased'), queue, ${session},
      case when born_state = 'leased' then lease_number end, pending,
      case when state = 'ready' then clock_timestamp() end,
      case when state = 'ready' then ${stamp} end,
      case when born_state = 'leased' then clock_timestamp() end, source, recipe, input
    from kin order by run_key, path
    returning a.*),
  timed as (
    insert into baton.timers (run_key, path, namespace, due_at)
    select run_key, path, ${namespace}, clock_timestamp() + due_ms * interval '1 millisecond' from kin where due_ms is not null
    on conflict (run_key, path) do update set due_at = excluded.due_at),
  -- One instant for all that one statement parks: among those, the rank decides who is served first.
  parked as (
    insert into baton.waits (run_key, name, path, parked_at, rank)
    select run_key, signal, path, (select clock_timestamp()), rank from kin where signal is not null)`;
}
