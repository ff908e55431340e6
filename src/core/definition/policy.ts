/** A task's options as users write them, checked and turned into its policy. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Duration, toMs } from '../duration.js';
import { InvalidDefinitionError } from '../errors.js';
import { type Json, PRIORITIES, type Priority } from '../model.js';
import { normaliseRetry, type RetryPolicy } from '../retry.js';
import type { TaskPolicy } from '../tree.js';
import { checkSchema } from '../validate.js';

/** How a task is run. All but `version` may change under running runs. */
export interface TaskOptions {
  /** Of one attempt. It counts as failed then, and is retried where the policy has retries left. Default: none. */
  readonly timeout?: Duration | undefined;
  /** How often and when to try again; a number is `maxRetries`. Default: no retry. */
  readonly retry?: number | RetryPolicy | undefined;
  /** 1 is critical, 5 minimal. Default: the run's. */
  readonly priority?: Priority | undefined;
  /** Only workers that have all of them, and workers without tags, take the task. At most 20, of 1 to 64 characters. */
  readonly tags?: readonly string[] | undefined;
  /** Part of the structure: workers of another version never get the task. 1 to 64 characters. */
  readonly version?: string | undefined;
  readonly description?: string | undefined;
  /** For people and for `ctx.metadata`; Baton doesn't look at it. */
  readonly metadata?: Json | undefined;
  /** Checks, and may convert, the input before each attempt. */
  readonly input?: StandardSchemaV1 | undefined;
  /** Checks, and may convert, what the function returned. */
  readonly output?: StandardSchemaV1 | undefined;
}

const MOST_TAGS = 20;
const LONGEST_TAG = 64;
const LONGEST_VERSION = 64;

/** Throws InvalidDefinitionError or InvalidDurationError; `where` names the task. */
export function toPolicy(options: TaskOptions, where: string): TaskPolicy {
  const { timeout, retry, priority, description, input, output } = options;
  const metadata = toJson(options.metadata, where);
  if (priority !== undefined && !PRIORITIES.includes(priority)) {
    throw new InvalidDefinitionError(`${where}: priority ${String(priority)} is none of 1 (critical) to 5 (minimal)`);
  }
  checkSchema(input, `${where}, input`);
  checkSchema(output, `${where}, output`);
  return Object.freeze({
    tags: toTags(options.tags, where),
    ...(timeout === undefined ? {} : { timeoutMs: toMs(timeout) }),
    ...(retry === undefined ? {} : { retry: Object.freeze(normaliseRetry(retry, where)) }),
    ...(priority === undefined ? {} : { priority }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
  });
}

/** Sorted, without duplicates. */
export function toTags(tags: readonly string[] | undefined, where: string): readonly string[] {
  if (tags === undefined) return Object.freeze([]);
  if (!Array.isArray(tags)) throw new InvalidDefinitionError(`${where}: tags must be a list of strings`);
  for (const tag of tags) {
    if (typeof tag === 'string' && tag.length >= 1 && tag.length <= LONGEST_TAG) continue;
    throw new InvalidDefinitionError(
      `${where}: tag ${JSON.stringify(tag)} must be a string of 1 to ${LONGEST_TAG} characters`,
    );
  }
  const distinct = [...new Set(tags)].sort();
  if (distinct.length > MOST_TAGS) {
    throw new InvalidDefinitionError(`${where}: ${distinct.length} tags are more than ${MOST_TAGS}`);
  }
  return Object.freeze(distinct);
}

export function toVersion(version: string | undefined, where: string): string | undefined {
  if (version === undefined) return undefined;
  if (typeof version === 'string' && version.length >= 1 && version.length <= LONGEST_VERSION) return version;
  throw new InvalidDefinitionError(`${where}: version must be a string of 1 to ${LONGEST_VERSION} characters`);
}

/** A copy that nobody else can change. Throws where JSON can't hold it. */
export function toJson(metadata: Json | undefined, where: string): Json | undefined {
  if (metadata === undefined) return undefined;
  try {
    return deepFreeze(JSON.parse(JSON.stringify(metadata)) as Json);
  } catch (cause) {
    throw new InvalidDefinitionError(`${where}: metadata must be JSON`, { cause });
  }
}

function deepFreeze(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  for (const value of Object.values(json)) deepFreeze(value);
  return Object.freeze(json);
}
