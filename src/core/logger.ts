/** What Baton needs of a logger, and what a task finds in `ctx.logger`: a pino logger fits. */

export interface LogMethod {
  (fields: object, message?: string): void;
  (message: string): void;
}

export interface Logger {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  /** A logger that adds `fields` to every line. */
  child(fields: object): Logger;
}
