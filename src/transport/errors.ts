/** How publishing and declaring can fail. All name what the reader can do about it. */
import { BatonError } from '../core/errors.js';

/**
 * No queue is known to have the message. It may have arrived all the same: whoever repeats it counts on the
 * receiver to notice.
 */
export class NotConfirmedError extends BatonError {
  constructor(message: string, options?: ErrorOptions) {
    super('NOT_CONFIRMED', message, options);
  }
}

/** No queue is bound under the message's key: somebody deleted it. Where it is declared again, repeat. */
export class UnroutableError extends NotConfirmedError {
  constructor(queue: string) {
    super(`the broker returned the message: there is no queue ${queue}`);
  }
}

/** The broker has something of that name with other settings, and refuses ours. Somebody has to delete it. */
export class TopologyMismatchError extends BatonError {
  constructor(what: string, options?: ErrorOptions) {
    super(
      'TOPOLOGY_MISMATCH',
      `RabbitMQ has ${what} with other settings than Baton's; delete it once it is empty, or choose another namespace`,
      options,
    );
  }
}

/** The broker took the request to consume and never answered. */
export class UnansweredError extends BatonError {
  constructor(queue: string) {
    super(
      'UNANSWERED',
      `the broker does not answer for the queue ${queue}; if that goes on it is deleted and made anew`,
    );
  }
}
