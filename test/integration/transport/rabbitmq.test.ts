import { inject } from 'vitest';
import { RabbitMqHarness } from '../../support/rabbitmq-harness.js';
import { transportContract } from '../../support/transport-contract.js';

transportContract('on RabbitMQ', () => RabbitMqHarness.open(inject('amqpUrl')));
