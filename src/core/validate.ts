/** Checks values against Standard Schemas (zod, valibot, arktype …). */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ValidationError, type ValidationIssue } from './errors.js';

/** The value as the schema makes it. Rejects with a ValidationError that names `where`. */
export async function validate(schema: StandardSchemaV1, value: unknown, where: string): Promise<unknown> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  throw new ValidationError(where, result.issues.map(toIssue));
}

function toIssue({ message, path }: StandardSchemaV1.Issue): ValidationIssue {
  return { message, path: (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)) };
}
