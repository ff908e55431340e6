/**
 * Gives out the ids of one workflow. Ids that a user wrote are kept as they are, and may be written once; those
 * that Baton derives make way for them (`fork`, `fork#2` …).
 */
import { InvalidDefinitionError } from '../errors.js';

export class Ids {
  /** Where each id is in use. */
  readonly #taken = new Map<string, string>();
  readonly #scopes = new Map<string, number>();

  constructor(private readonly workflow: string) {}

  /** An id that the user wrote at `place`. All of them have to be here before the first is derived. */
  claim(id: string, place: string): void {
    const other = this.#taken.get(id);
    if (other !== undefined) {
      throw new InvalidDefinitionError(
        `workflow ${this.workflow} has the id ${JSON.stringify(id)} twice: at ${other}, and at ${place}; rename one, or build the flow that it stands in, which gives it a scope of its own`,
      );
    }
    this.#taken.set(id, place);
  }

  /** An id made of `base`. */
  derive(base: string, place: string): string {
    let id = base;
    for (let n = 2; this.#taken.has(id); n++) id = `${base}#${n}`;
    this.#taken.set(id, place);
    return id;
  }

  /** The scope of a child flow. Scopes are counted apart: a task may have a child's name. */
  scope(child: string): string {
    const n = (this.#scopes.get(child) ?? 0) + 1;
    this.#scopes.set(child, n);
    return n === 1 ? child : `${child}#${n}`;
  }
}
