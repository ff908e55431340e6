import { RabbitMqHarness } from '../../support/rabbitmq-harness.js';
import { transportContract } from '../../support/transport-contract.js';

const URL = process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672';

transportContract('on RabbitMQ', () => RabbitMqHarness.open(URL));
