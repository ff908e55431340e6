/**
 * What happened to runs, in the order in which it happened, written down by Postgres itself: triggers on Baton's tables
 * note each change. What happens to a run under its lock gets its number under that lock, so the numbers are the order.
 */
import pg from 'pg';

/** A status that a run came to (path ''), a state that an activation came to, or `signal` (the path is its name). */
export interface Note {
  /** Of the run: those that had the same id differ in it. */
  readonly run: string;
  readonly path: string;
  readonly event: string;
  readonly at: Date;
}

const INSTALL = `
create table journal (
  seq bigint generated always as identity primary key, run_key bigint not null, path text not null, event text not null,
  at timestamptz not null default clock_timestamp());
create index on journal (run_key);
create function note_run() returns trigger language plpgsql as $$ begin
  insert into journal (run_key, path, event) values (new.key, '', new.status);
  return null;
end $$;
create function note_activation() returns trigger language plpgsql as $$ begin
  insert into journal (run_key, path, event) values (new.run_key, new.path, new.state);
  return null;
end $$;
create function note_signal() returns trigger language plpgsql as $$ begin
  insert into journal (run_key, path, event) values (new.run_key, new.name, 'signal');
  return null;
end $$;
create trigger note after insert on baton.runs for each row execute function note_run();
create trigger note_change after update on baton.runs for each row
  when (new.status is distinct from old.status) execute function note_run();
create trigger note after insert on baton.activations for each row execute function note_activation();
create trigger note_change after update on baton.activations for each row
  when (new.state is distinct from old.state) execute function note_activation();
create trigger note after insert on baton.signals for each row execute function note_signal();`;

export class Journal {
  private constructor(private readonly pool: pg.Pool) {}

  /** In a database of the test's own, before anything happens in it. */
  static async keep(url: string): Promise<Journal> {
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    await pool.query(INSTALL);
    return new Journal(pool);
  }

  /** Everything about the runs that had this id, in order. */
  async of(id: string): Promise<Note[]> {
    const { rows } = await this.pool.query<Note>(
      `select j.run_key as run, j.path, j.event, j.at from journal j join baton.runs r on r.key = j.run_key
       where r.id = $1 order by j.seq`,
      [id],
    );
    return rows;
  }

  /** By the clock that the notes' instants are by. */
  async now(): Promise<Date> {
    const { rows } = await this.pool.query<{ now: Date }>('select clock_timestamp() as now');
    return (rows[0] as { now: Date }).now;
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

/** Which of the two came first; throws where one of them never happened. */
export function firstOf(notes: readonly Note[], a: Partial<Note>, b: Partial<Note>): 'a' | 'b' {
  const [at, bt] = [a, b].map((wanted) => {
    const place = notes.findIndex((note) =>
      Object.entries(wanted).every(([key, value]) => note[key as keyof Note] === value),
    );
    if (place < 0) throw new Error(`never happened: ${JSON.stringify(wanted)} in ${JSON.stringify(notes)}`);
    return place;
  }) as [number, number];
  return at < bt ? 'a' : 'b';
}
