/** Where the values of recipes come from when they are read from the store, for workers and clients alike. */
import { type Codec, decodePayload } from '../core/codec.js';
import type { ActivationRef, Path, RunKey } from '../core/model.js';
import { assemble, INPUT_SOURCE, type Recipe, soleSource } from '../core/recipe.js';
import type { Store } from '../store/store.js';
import { Batch } from './batch.js';
import { type Persistence, persist } from './persist.js';

/** Reads outputs in batches: one statement for whatever was asked for meanwhile. */
export type OutputReader = Batch<ActivationRef, Uint8Array | undefined>;

export interface ValueReader {
  readonly store: Pick<Store, 'runInput' | 'outputs' | 'gather'>;
  readonly codec: Codec;
  /** Reads outputs; without it, one statement each. */
  readonly outputs?: OutputReader;
}

/** For what has to be read however long it takes: repeated while the store is away, outputs in batches. */
export function persistentReader(
  { store, codec }: Pick<ValueReader, 'store' | 'codec'>,
  persistence: Persistence,
): ValueReader {
  const outputs = (refs: readonly ActivationRef[]) => persist(persistence, () => store.outputs(refs));
  return {
    codec,
    outputs: new Batch((refs: ActivationRef[]) => outputs(refs)),
    store: {
      runInput: (run) => persist(persistence, () => store.runInput(run)),
      outputs,
      gather: (join) => persist(persistence, () => store.gather(join)),
    },
  };
}

/** What a row brought along: the bytes of its recipe's sole source, or its own. */
export interface Brought {
  readonly recipe: Recipe;
  readonly bytes: Uint8Array | undefined;
}

/**
 * Puts the value of a recipe of `run` together; `bytes` spare a read where they are what it needs. Rejects with a
 * CodecError where the codec can't read what is stored.
 */
export function readValue(reader: ValueReader, run: RunKey, { recipe, bytes }: Brought): Promise<unknown> {
  const source = soleSource(recipe);
  const decode = (from: Uint8Array) => decodePayload(reader.codec, from, `stored value of run ${run}`);
  const brought = bytes === undefined ? undefined : () => decode(bytes);
  return assemble(recipe, {
    input: async () => (source === INPUT_SOURCE && brought ? brought() : decode(await reader.store.runInput(run))),
    own: async () => brought?.(),
    output: async (path) => {
      if (source === path && brought) return brought();
      const output = await readOutput(reader, run, path);
      return output === undefined ? undefined : decode(output);
    },
    gather: (join) => reader.store.gather({ run, path: join }),
    decode,
  });
}

async function readOutput(reader: ValueReader, run: RunKey, path: Path): Promise<Uint8Array | undefined> {
  const ref = { run, path };
  return reader.outputs ? reader.outputs.add(ref) : (await reader.store.outputs([ref]))[0];
}
