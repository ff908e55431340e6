import { inject, vi } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { controlContract } from '../../support/control-contract.js';
import { ownServices } from '../../support/own-services.js';

vi.setConfig({ testTimeout: 60_000 });
const services = ownServices('states');
const rabbitmq = inject('amqpUrl');

controlContract(
  () => {
    const batons: Promise<Baton>[] = [];
    return {
      baton() {
        const baton = connect({ postgres: services.postgres, rabbitmq, namespace: services.namespace });
        batons.push(baton);
        return baton;
      },
      async close() {
        for (const baton of batons) await (await baton).close();
      },
    };
  },
  process.env.BATON_LONG ? 3 : 1,
);
