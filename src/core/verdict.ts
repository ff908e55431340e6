/** What the end of a loop's body says: once more, or done. Plain data, so that every codec can carry it. */

const TAG = '$loop';

export interface Again<T> {
  readonly [TAG]: 'again';
  readonly value: T;
}
export interface Done<T> {
  readonly [TAG]: 'done';
  readonly value: T;
}

/** The verdict of a loop's body. */
export type LoopResult<A = never, D = never> = Again<A> | Done<D>;

export const LoopResult = {
  /** Run the body again, with `value` as its input. */
  again: <T>(value: T): Again<T> => ({ [TAG]: 'again', value }),
  /** Leave the loop; `value` is its output. */
  done: <T>(value: T): Done<T> => ({ [TAG]: 'done', value }),
};

/** `again`, `done`, or undefined where the value is no verdict. */
export function verdictOf(value: unknown): 'again' | 'done' | undefined {
  if (typeof value !== 'object' || value === null || !(TAG in value)) return undefined;
  const verdict = value[TAG];
  return verdict === 'again' || verdict === 'done' ? verdict : undefined;
}

/** The value inside a verdict; anything else as it is. */
export function unwrapVerdict(value: unknown): unknown {
  return verdictOf(value) === undefined ? value : (value as Again<unknown>).value;
}
