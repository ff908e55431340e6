-- What workflows look like, for clients that don't have their code.
create table baton.definitions (
  namespace text not null,
  workflow text not null,
  hash text not null,
  structure text not null,
  -- When a process last registered it: the newest of a name is what `start` without a module uses.
  seen_at timestamptz not null default clock_timestamp(),
  primary key (namespace, workflow, hash)
);

-- Every broker queue in use. Written before the first activation that names it, never changed.
create table baton.queues (
  key integer generated always as identity primary key,
  namespace text not null,
  name text not null unique,
  workflow text not null,
  hash text not null,
  tags text[] not null,
  priority smallint not null check (priority between 1 and 5),
  created_at timestamptz not null default clock_timestamp()
);
create index queues_namespace on baton.queues (namespace);

create table baton.runs (
  key bigint generated always as identity primary key,
  namespace text not null,
  id text not null,
  -- One current run has the id; a run that was set aside keeps its rows under its own key.
  current boolean not null default true,
  -- Made by the client, so that a repeated start finds the run that it started.
  token uuid not null,
  workflow text not null,
  hash text not null,
  status text not null default 'running' check (status in ('running', 'paused', 'completed', 'failed', 'cancelled')),
  priority smallint not null,
  metadata text,
  input bytea not null,
  -- Recipe of the output of a completed run.
  output_source text collate "C",
  output_recipe text,
  error text,
  failed_task text,
  failed_attempt integer,
  reason text,
  actor text,
  -- Where the process that started it waits for its end.
  reply_to text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
) with (fillfactor = 80);
create unique index runs_current_id on baton.runs (namespace, id) where current;
create index runs_set_aside on baton.runs (namespace, id) where not current;

-- One row per execution of a node. The unique key is the only index besides one narrow one over what is ready or
-- leased, so that a lease stays a heap-only update.
create table baton.activations (
  run_key bigint not null,
  path text collate "C" not null,
  state text not null,
  -- True while ready or leased: the partial index's predicate, which leasing doesn't change.
  live boolean not null,
  queue integer not null,
  -- Leased: who holds it. Ready: who stamped it for publishing (null: a client, which has no session).
  session bigint,
  -- The lease token's number within the session; kept after the end, so that a repeated commit knows itself.
  number bigint,
  attempt integer not null default 1,
  -- Leases that ended without a report.
  losses integer not null default 0,
  -- How often its message was replaced since it became ready.
  repeats smallint not null default 0,
  -- Joins and maps: arrivals still missing.
  pending integer,
  -- Maps: the next element to insert; afterwards, under a limit, the next to make ready.
  cursor integer not null default 0,
  -- Where a branch or element that ended here arrived, and as which.
  arrived_at text collate "C",
  slot integer,
  ready_at timestamptz,
  -- Stamp of its message, renewed when the message is replaced.
  published_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  -- Recipe of the input: the one stored value it needs, and how it is put together where that isn't all.
  source text collate "C",
  recipe text,
  -- Recipe of what arrived, where that isn't the own output.
  result text,
  input bytea,
  output bytea,
  error text,
  progress text,
  primary key (run_key, path)
) with (fillfactor = 70);
create index activations_live on baton.activations (queue, published_at) where live;

-- What falls due: delays, back-offs, signal timeouts. A timer whose row has moved on fires without effect.
create table baton.timers (
  run_key bigint not null,
  path text collate "C" not null,
  namespace text not null,
  due_at timestamptz not null,
  primary key (run_key, path)
);
create index timers_due on baton.timers (namespace, due_at);

-- Activations that wait for a signal. Touched only under the run's lock.
create table baton.waits (
  run_key bigint not null,
  name text not null,
  path text collate "C" not null,
  parked_at timestamptz not null,
  -- Order among those that one statement parked.
  rank integer not null,
  primary key (run_key, name, path)
);

create table baton.signals (
  key bigint generated always as identity primary key,
  run_key bigint not null,
  name text not null,
  -- The sender's id: a second signal with it is ignored.
  id text,
  payload bytea,
  -- Path of the activation that took it.
  consumed_by text collate "C",
  sent_at timestamptz not null default clock_timestamp()
);
create index signals_buffered on baton.signals (run_key, name, key) where consumed_by is null;
create unique index signals_id on baton.signals (run_key, name, id) where id is not null;

-- One row per worker process. Dead rows stay until nothing live carries their key.
create table baton.sessions (
  key bigint generated always as identity primary key,
  namespace text not null,
  worker_id text not null,
  host text not null,
  pid integer not null,
  ttl_until timestamptz not null,
  -- Whether it ever took its advisory lock: only then does a free lock mean anything.
  locked boolean not null default false,
  started_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  dead_at timestamptz,
  swept_at timestamptz
) with (fillfactor = 50);
create index sessions_open on baton.sessions (namespace) where closed_at is null and swept_at is null;
