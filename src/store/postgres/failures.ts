/** SQLSTATE, or Node's code where no server was reached; '' where there is none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

// Class 08: connection exceptions; 25P03: idle for too long within a transaction; 28: refused log-in; 3D000: no such
// database; 57P: the server goes down or is starting; 53300: too many connections. The rest never reached a server, or
// lost it on the way.
/** Whether the connection is the trouble, and not the statement. */
export function connectionFailure(error: unknown): boolean {
  const code = codeOf(error);
  if (/^(08|25P03|28|3D|57P|53300)/.test(code)) return true;
  if (/^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/.test(code)) return true;
  return error instanceof Error && /connection|timeout|password/i.test(error.message) && code === '';
}
