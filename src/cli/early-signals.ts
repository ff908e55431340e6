/** Signals that come before there is a worker to take them, and would otherwise end the process in the middle. */
import { handleSignals, type SignalSource } from '../runtime/process-signals.js';

export class EarlySignals {
  /** The process was told to stop. */
  stopped: NodeJS.Signals | undefined;
  /** From here on they are somebody else's. */
  readonly release: () => void;

  constructor(source?: SignalSource) {
    this.release = handleSignals(
      {
        stop: (signal) => {
          this.stopped = signal;
        },
        // The start is waited for, since what it has opened is to be closed.
        force: () => {},
        // What there is to reload is only being read.
        reload: () => {},
      },
      source,
    );
  }
}
