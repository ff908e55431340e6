/**
 * Finds a service to test on: the one that the environment names, else what answers on the default local port, else
 * a container.
 */
import { BatonError } from '../../core/baton-error.js';
import { ConnectionError } from '../../core/errors.js';
import { redact } from '../../core/serialize-error.js';

export interface Service {
  readonly url: string;
  /** What was started for it, in words: image and container. Undefined where it was there. */
  readonly container?: string;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/** One kind of service, and how to come by it. */
export interface ServiceKind {
  readonly name: string;
  /** The environment variables that name one; the first that is set counts. */
  readonly variables: readonly string[];
  /** Where one is by default. */
  readonly local: string;
  /** Resolves if there is one at the URL. */
  ping(url: string): Promise<void>;
  startContainer(): Promise<Service>;
}

/** None of the ways led to a service. Do what the message says, or skip the test. */
export class NoServiceError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('NO_SERVICE', message, options);
  }
}

/**
 * Rejects with a ConnectionError when the service that is named doesn't answer, for another in its place would hide
 * the mistake; with a NoServiceError when there is none. With BATON_TEST_SERVICES=containers a container is started
 * whatever else there is.
 */
export async function findService(kind: ServiceKind, env: NodeJS.ProcessEnv): Promise<Service> {
  const only = env.BATON_TEST_SERVICES;
  if (only !== undefined && only !== '' && only !== 'containers')
    throw new NoServiceError(`BATON_TEST_SERVICES is 'containers' or left out, not ${JSON.stringify(only)}`);
  if (only) return contained(kind, []);
  const variable = kind.variables.find((name) => env[name]);
  if (variable !== undefined) return named(kind, variable, env[variable] as string);
  try {
    await kind.ping(kind.local);
  } catch (refused) {
    return contained(kind, [refused]);
  }
  return { url: kind.local, stop: async () => {} };
}

async function named(kind: ServiceKind, variable: string, url: string): Promise<Service> {
  try {
    await kind.ping(url);
  } catch (cause) {
    throw new ConnectionError(kind.name, `${redact(url)} (${variable})`, { cause });
  }
  return { url, stop: async () => {} };
}

async function contained(kind: ServiceKind, reasons: readonly unknown[]): Promise<Service> {
  try {
    return await kind.startContainer();
  } catch (cause) {
    const said = [...reasons, cause].map(reason);
    throw new NoServiceError(
      `no ${kind.name}: set ${kind.variables[0]}, start one on its default port, or start Docker (${said.join('; ')})`,
      { cause: new AggregateError([...reasons, cause]) },
    );
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code || error.name : String(error);
}
