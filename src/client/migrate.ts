/** Brings a database up to date, without a broker: for deployments that do so before their processes start. */
import { PostgresStore } from '../store/postgres/store.js';
import { type ConnectOptions, postgresService } from './connect.js';

/** Safe when many processes do so at once. Rejects with ConfigError or ConnectionError. */
export async function migrate(options: Pick<ConnectOptions, 'postgres'>): Promise<void> {
  const store = await PostgresStore.connect({ postgres: postgresService(options, process.env), namespace: 'default' });
  try {
    await store.migrate();
  } finally {
    await store.close();
  }
}
