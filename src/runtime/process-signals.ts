/** A process's signals, for one worker: the first stops it, a second hurries it, a third ends the process. */
import { constants } from 'node:os';

export interface SignalTarget {
  /** The first SIGTERM or SIGINT. */
  stop(signal: NodeJS.Signals): void;
  /** The second. */
  force(signal: NodeJS.Signals): void;
  /** Every SIGHUP and SIGUSR1. */
  reload(signal: NodeJS.Signals): void;
}

/** What it needs of `process`. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(code: number): void;
}

const STOPPING = ['SIGTERM', 'SIGINT'] as const;
/** Without a listener SIGHUP ends a process, and SIGUSR1 opens Node's debugger. */
const RELOADING = ['SIGHUP', 'SIGUSR1'] as const;

/** Listens until the returned function is called. */
export function handleSignals(target: SignalTarget, source: SignalSource = process): () => void {
  let stops = 0;
  const onStop = (signal: NodeJS.Signals) => {
    stops++;
    if (stops === 1) target.stop(signal);
    else if (stops === 2) target.force(signal);
    else source.exit(128 + constants.signals[signal]);
  };
  const onReload = (signal: NodeJS.Signals) => target.reload(signal);
  for (const signal of STOPPING) source.on(signal, onStop);
  for (const signal of RELOADING) source.on(signal, onReload);
  return () => {
    for (const signal of STOPPING) source.off(signal, onStop);
    for (const signal of RELOADING) source.off(signal, onReload);
  };
}
