/** Signals: what a workflow waits for and others send. A token ties the name to the payload's type. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { checkName } from '../names.js';
import { checkSchema } from '../validate.js';

declare const PAYLOAD: unique symbol;

/** Invariant in T, so that neither a wider nor a narrower payload is taken for the right one. */
export interface SignalToken<in out T> {
  readonly kind: 'signal';
  readonly name: string;
  readonly schema?: StandardSchemaV1;
  /** For the compiler only. */
  readonly [PAYLOAD]?: (payload: T) => T;
}

/**
 * Names a signal and the type of its payload. Names are global in a run: whoever waits first gets it first.
 *
 * @example const approval = signal<{ verdict: 'ship' | 'reject' }>('approval');
 * @param options.schema checks, and may convert, the payload where it is received; without a type argument it also
 *   gives the type
 * @throws InvalidDefinitionError
 */
export function signal<Schema extends StandardSchemaV1>(
  name: string,
  options: { readonly schema: Schema },
): SignalToken<StandardSchemaV1.InferOutput<Schema>>;
export function signal<T>(name: string, options?: { readonly schema?: StandardSchemaV1 | undefined }): SignalToken<T>;
export function signal(
  name: string,
  { schema }: { readonly schema?: StandardSchemaV1 | undefined } = {},
): SignalToken<unknown> {
  checkName(name, 'name of a signal');
  checkSchema(schema, `signal ${name}`);
  return Object.freeze({ kind: 'signal', name, ...(schema === undefined ? {} : { schema }) });
}

export function isSignal(value: unknown): value is SignalToken<unknown> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'signal' && 'name' in value;
}
