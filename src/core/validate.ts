/** Checks values against Standard Schemas (zod, valibot, arktype …). */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidDefinitionError, ValidationError, type ValidationIssue } from './errors.js';

/** Throws InvalidDefinitionError on what is no Standard Schema; `where` says what has it. */
export function checkSchema(schema: StandardSchemaV1 | undefined, where: string): void {
  if (schema === undefined || typeof schema?.['~standard']?.validate === 'function') return;
  throw new InvalidDefinitionError(`${where}: the schema must be a Standard Schema, as of zod, valibot or arktype`);
}

/** The value as the schema makes it. Rejects with a ValidationError that names `where`. */
export async function validate(schema: StandardSchemaV1, value: unknown, where: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  throw new ValidationError(where, result.issues.map(toIssue));
}

function toIssue({ message, path }: StandardSchemaV1.Issue): ValidationIssue {
  return { message, path: (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)) };
}
