/** What every transport keeps, whatever carries the messages. Run over each with a harness that can break it. */
import { afterEach, beforeEach, describe } from 'vitest';
import type { BrokerQueue, Delivery, Transport } from '../../src/transport/transport.js';
import { closing } from './transport-contract/closing.js';
import { consuming } from './transport-contract/consuming.js';
import { losingTheBroker } from './transport-contract/losing-the-broker.js';
import { notices } from './transport-contract/notices.js';
import { publishing } from './transport-contract/publishing.js';
import { numbered, queueOf, type TransportContract, type TransportHarness } from './transport-harness.js';

export function transportContract(name: string, makeHarness: () => Promise<TransportHarness>): void {
  describe(`the transport ${name}`, () => {
    let harness: TransportHarness;
    let transport: Transport;
    let queue: BrokerQueue;

    beforeEach(async () => {
      harness = await makeHarness();
      transport = await harness.connect();
      queue = queueOf(harness.namespace, 'checkout');
    });
    afterEach(async () => {
      await harness.close();
    });

    const contract: TransportContract = {
      get harness() {
        return harness;
      },
      get transport() {
        return transport;
      },
      get queue() {
        return queue;
      },
      publish: (...numbers) => transport.publish(numbers.map((n) => ({ queue, message: numbered(n) }))),
      async consumeFrom(process, prefetch = 100) {
        const inHand: Delivery[] = [];
        const consumer = await process.consume(queue, { prefetch }, (delivery) => inHand.push(delivery));
        return { consumer, inHand };
      },
    };

    publishing(contract);
    consuming(contract);
    notices(contract);
    losingTheBroker(contract);
    closing(contract);
  });
}
