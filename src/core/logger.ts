/** What Baton needs of a logger, and what a task finds in `ctx.logger`: a pino logger fits. */

export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

/** What Baton logs to, and what tasks and hooks log with. A pino logger fits. */
export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}
