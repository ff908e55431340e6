/**
 * What `connect({ inspect })` brings: everything that the actors of this process do reaches the inspector that was given,
 * the relay to Stately's, and the feed behind the page at `/inspect`.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { InspectionEvent, Observer } from 'xstate';
import type { Logger } from '../core/logger.js';
import type { Route } from '../runtime/http/route.js';
import type {
  Inspected,
  Inspection,
  Neighbourhood,
  SupervisorInspection,
  WatchedWorker,
} from '../runtime/inspection.js';
import type { Transport } from '../transport/transport.js';
import { Answers } from './answers.js';
import { DeliveryActors } from './delivery-actors.js';
import { Feed } from './feed.js';
import { type Inspector, observerOf } from './inspector.js';
import { Lookout } from './lookout.js';
import { Neighbours } from './neighbours.js';
import { Relay } from './relay.js';
import { inspectRoutes } from './routes.js';

/** Who is told of actors, besides the feed. */
interface Onlooker {
  next(event: InspectionEvent): void;
  /** Whether anybody is there to see it. */
  readonly watching: boolean;
  close(): Promise<void>;
}

export class ProcessInspection implements Inspection, SupervisorInspection, Inspected {
  readonly observer: Observer<InspectionEvent> = { next: (event) => this.#tell(event) };
  readonly #feed: Feed;
  readonly #onlooker: Onlooker;
  readonly #namespace: string;
  readonly #logger: Logger;
  readonly #neighbourhoods: Neighbourhood[] = [];
  /** Told when this process takes its leave. */
  readonly #asked: { close(): void }[] = [];
  #lookout: Lookout | undefined;

  /**
   * @param inspect true: Stately's inspector, on the loopback interface
   * Rejects with a ConfigError when a package that it takes isn't installed, or it is no inspector.
   */
  static async open(inspect: true | Inspector, namespace: string, logger: Logger): Promise<ProcessInspection> {
    return new ProcessInspection(inspect === true ? await Relay.open(logger) : guest(inspect), namespace, logger);
  }

  private constructor(onlooker: Onlooker, namespace: string, logger: Logger) {
    this.#onlooker = onlooker;
    this.#namespace = namespace;
    this.#logger = logger;
    this.#feed = new Feed({ process: { process: randomUUID(), host: hostname(), pid: process.pid } });
  }

  /** From now on the other processes of the namespace are seen from here, and this one from there. */
  join(transport: Transport): void {
    const neighbours = new Neighbours(transport, this.#feed);
    this.#asked.push(neighbours);
    this.meet(neighbours);
  }

  meet(neighbourhood: Neighbourhood): void {
    this.#neighbourhoods.push(neighbourhood);
  }

  answering(send: (frame: object) => void): (forMs: number) => void {
    const answers = new Answers(this.#feed, (_, frame) => send(frame));
    this.#asked.push(answers);
    return (forMs) => answers.wanted('whoever asks', forMs);
  }

  /** The page, for an HTTP server of this process. */
  routes(): Route[] {
    this.#lookout ??= new Lookout(this.#feed, this.#neighbourhoods);
    return inspectRoutes(this.#lookout, this.#namespace);
  }

  watch({ id, actor, engine }: WatchedWorker): () => void {
    const actors = new DeliveryActors(actor);
    const unsubscribe = [
      engine.on('task', (event) => this.#feed.task(id, event)),
      engine.on('phase', (message, phase, leased) => {
        this.#feed.deliver(id, message, phase, leased);
        if (this.#onlooker.watching) actors.report(message, phase, leased);
      }),
    ];
    return () => {
      for (const forget of unsubscribe) forget();
      actors.stop();
    };
  }

  /** Takes leave of the neighbours, while there still is a connection to them. */
  leave(): void {
    for (const asked of this.#asked) asked.close();
  }

  async close(): Promise<void> {
    await this.#onlooker.close();
  }

  /** Whoever looks on mustn't disturb: what goes wrong here would be the actor's own failure. */
  #tell(event: InspectionEvent): void {
    try {
      this.#feed.see(event);
      this.#onlooker.next(event);
    } catch (err) {
      this.#logger.error({ err }, 'an inspector threw');
    }
  }
}

function guest(inspector: Inspector): Onlooker {
  const observer = observerOf(inspector);
  return { watching: true, next: (event) => observer.next?.(event), close: async () => {} };
}
