/** What a supervisor and its processes say to each other, over the channel that Node opens between them. */
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** A registry's metrics, as prom-client hands them out. */
export type Figures = MetricObjectWithValues<MetricValue<string>>[];

/** What a process is asked; its verdicts are those of its probes. */
export type Question = 'live' | 'ready' | 'metrics';

export type ToProcess =
  | { readonly order: 'stop' | 'force' }
  | { readonly question: Question; readonly number: number }
  /** Somebody looks at the inspector: for this many ms, say how you are. */
  | { readonly inspectMs: number };

export type FromProcess =
  /** Whether it takes work, whenever that changes. */
  | { readonly ready: boolean }
  | { readonly answer: unknown; readonly number: number }
  /** What it counted in all, when it ends. */
  | { readonly last: Figures }
  /** How it is, for the inspector. */
  | { readonly frame: object };
