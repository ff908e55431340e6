/** Asks a worker's HTTP server. */

export interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The status, and the JSON of the body. */
export async function ask(url: string | undefined, path: string): Promise<Asked> {
  const response = await fetch(`${url}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
