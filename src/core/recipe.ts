/**
 * A recipe says how an activation's input (or a run's output) is put together from what is stored. Values are
 * referred to and never copied along, so the work per task stays the same however long the run is.
 *
 * Recipes are stored as their JSON. The common one, a plain reference, isn't stored at all: the row's `source`
 * column says it.
 */
import type { Path } from './model.js';
import { unwrapVerdict } from './verdict.js';

export type Recipe =
  /** The run's input. */
  | readonly ['input']
  /** Bytes that the activation's own row carries: a map's element, a signal's payload. */
  | readonly ['own']
  /** What the activation at this path returned. */
  | readonly ['output', Path]
  /** The value inside a `LoopResult`. */
  | readonly ['unwrap', Recipe]
  /** A route's output, `{ branch, result }`. */
  | readonly ['branch', string, Recipe]
  /** The same for a default branch, whose actual key is the output of the route at this path. */
  | readonly ['default', Path, Recipe]
  /** What arrived at the join at this path, as a list in order of branches or elements. */
  | readonly ['gather', Path]
  /** A wait for a signal that ran out of time. */
  | readonly ['timedOut'];

export const INPUT: Recipe = ['input'];
export const OWN: Recipe = ['own'];
export const TIMED_OUT: Recipe = ['timedOut'];

/** `source` column of a value that is the run's input. */
export const INPUT_SOURCE: Path = '';

/**
 * The one stored value that a recipe needs, where there is just one: a path, or `''` for the run's input. The
 * lease statement fetches it along the way; any other recipe costs a second look.
 */
export function soleSource(recipe: Recipe): Path | undefined {
  switch (recipe[0]) {
    case 'input':
      return INPUT_SOURCE;
    case 'output':
      return recipe[1];
    case 'unwrap':
      return soleSource(recipe[1]);
    case 'branch':
      return soleSource(recipe[2]);
    case 'own':
    case 'default':
    case 'gather':
    case 'timedOut':
      return undefined;
  }
}

/** How a row stores a recipe: plain references as `source` alone. */
export function encodeRecipe(recipe: Recipe): { source: Path | null; recipe: string | null } {
  const source = soleSource(recipe) ?? null;
  const plain = recipe[0] === 'input' || recipe[0] === 'output';
  return { source, recipe: plain ? null : JSON.stringify(recipe) };
}

/** The recipe that a row's two columns say. */
export function decodeRecipe(source: Path | null, recipe: string | null): Recipe {
  if (recipe !== null) return JSON.parse(recipe) as Recipe;
  if (source === null) return OWN;
  return source === INPUT_SOURCE ? INPUT : ['output', source];
}

/** One arrival at a join: the recipe of what a branch or element came to, and its bytes where it is an own output. */
export interface Arrival {
  readonly path: Path;
  /** Undefined: the row's own output. */
  readonly result: Recipe | undefined;
  /** The row's own output, as stored. */
  readonly output: Uint8Array | undefined;
}

/** Where the values of a recipe come from. Reads may be batched behind it. */
export interface RecipeValues {
  /** The run's input. */
  input(): Promise<unknown>;
  /** The bytes that the row itself carries. */
  own(): Promise<unknown>;
  output(path: Path): Promise<unknown>;
  /** Arrivals at a join, in order. */
  gather(join: Path): Promise<readonly Arrival[]>;
  decode(bytes: Uint8Array): unknown;
}

/** Puts a recipe's value together. Rejects with whatever reading or decoding rejects with. */
export async function assemble(recipe: Recipe, values: RecipeValues): Promise<unknown> {
  switch (recipe[0]) {
    case 'input':
      return values.input();
    case 'own':
      return values.own();
    case 'output':
      return values.output(recipe[1]);
    case 'unwrap':
      return unwrapVerdict(await assemble(recipe[1], values));
    case 'branch':
      return { branch: recipe[1], result: await assemble(recipe[2], values) };
    case 'default': {
      const [branch, result] = await Promise.all([values.output(recipe[1]), assemble(recipe[2], values)]);
      return { branch, result };
    }
    case 'gather': {
      const arrivals = await values.gather(recipe[1]);
      return Promise.all(
        arrivals.map((arrival) =>
          arrival.result === undefined
            ? arrival.output === undefined
              ? values.output(arrival.path)
              : values.decode(arrival.output)
            : assemble(arrival.result, values),
        ),
      );
    }
    case 'timedOut':
      return undefined;
  }
}
