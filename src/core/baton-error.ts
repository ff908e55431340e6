/** What every error of Baton's is. */
export class BatonError extends Error {
  /** Stable, for programs; the message is for people and may change. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
