/** /metrics, in the format of Prometheus. */
import type { Registry } from 'prom-client';
import type { Route } from '../http/route.js';

export function metricsRoute(registry: () => Registry | Promise<Registry>): Route {
  return {
    path: '/metrics',
    answer: async () => {
      const current = await registry();
      return { type: current.contentType, body: await current.metrics() };
    },
  };
}
