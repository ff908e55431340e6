/**
 * The other processes of the namespace that are inspected, on whatever host: they are asked through the broker while
 * somebody looks, and answer to the asking process alone. With nobody looking, nothing is sent.
 */
import type { Neighbourhood } from '../runtime/inspection.js';
import type { ControlNews, ReplyNews, Transport } from '../transport/transport.js';
import { Answers } from './answers.js';
import type { Feed } from './feed.js';
import { ASK_MS, WANTED_MS } from './limits.js';

type Wire = Pick<Transport, 'announce' | 'onNews' | 'reply' | 'onReply' | 'replyAddress'>;

export class Neighbours implements Neighbourhood {
  readonly #wire: Wire;
  readonly #answers: Answers;
  readonly #unsubscribe: () => void;

  constructor(wire: Wire, feed: Feed) {
    this.#wire = wire;
    this.#answers = new Answers(feed, (to, frame) => wire.reply(to, { frame }));
    this.#unsubscribe = wire.onNews((news) => this.#heard(news));
  }

  look(saw: (frame: object) => void): () => void {
    const ask = () => {
      const to = this.#wire.replyAddress;
      if (to !== undefined) this.#wire.announce({ kind: 'inspection.wanted', to, forMs: WANTED_MS });
    };
    const unsubscribe = this.#wire.onReply((news: ReplyNews) => {
      if ('frame' in news) saw(news.frame);
    });
    ask();
    const asking = setInterval(ask, ASK_MS).unref();
    return () => {
      clearInterval(asking);
      unsubscribe();
    };
  }

  close(): void {
    this.#unsubscribe();
    this.#answers.close();
  }

  #heard(news: ControlNews): void {
    if (news.kind !== 'inspection.wanted' || typeof news.to !== 'string' || !(news.forMs > 0)) return;
    // What there is to know of this very process is known here without the broker.
    if (news.to !== this.#wire.replyAddress) this.#answers.wanted(news.to, news.forMs);
  }
}
