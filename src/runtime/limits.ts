/** Every figure of the runtime that isn't a user's option, in one place. Durations are ms. */
export const limits = {
  /** Requests in one lease or commit statement. */
  batchSize: 256,
  /** Tasks that a completing worker may run in the same slot, one after the other, without a broker hop. */
  eagerHops: 3,
  /** How often a task's transaction is begun anew that Postgres gave up, before that counts as the task's failure. */
  transactionTries: 10,
  /** Elements of a map that one statement inserts. */
  mapChunk: 500,
  /** How often a process looks for dead sessions, due timers and owed messages. */
  dutyIntervalMs: 700,
  /** How often it looks again while a session's lock is seen free. */
  suspectIntervalMs: 100,
  /** For how long it looks that often after a sign of a death. */
  alertMs: 1_000,
  /** How long a session's lock must be seen free, without a break, before its owner is judged dead. */
  lockFreeMs: 1_000,
  /** How far behind the newest delivered message of its queue a ready row's stamp must be to count as lost. */
  watermarkLagMs: 5_000,
  /** Messages that a process remembers to publish when the broker is back; the rest is left to the watermark. */
  unpaidMessages: 10_000,
  /** Rows started in callers' transactions that one statement claims. */
  claimLimit: 500,
  /** Rows that one look publishes again. */
  restampLimit: 1_000,
  /** Rows that one statement of the dead-session duty moves. */
  sweepLimit: 1_000,
  /** How long a timer that another process may keep is left to it; up to twice that, so that not all try at once. */
  foreignTimerMs: 20,
  /** Timers that one statement fires. */
  timerBatch: 500,
  /** A lease lost this often fails its run as poisoned. */
  poisonAt: 5,
  /** From this many losses on, an activation is a suspect: a process runs one suspect at a time. */
  suspectAt: 2,
  /** A leased delivery in hand longer than this is acked: the lease protects it, and no broker timeout decides. */
  earlyAckMs: 60_000,
  /** With every slot busy for this long, what is in hand unleased goes back to the queue. */
  saturatedMs: 1_000,
  /** How long consumers that begin together are waited for before one is chosen from what they delivered. */
  gatherMs: 100,
  /** How long after it began the first delivery of a consumer may take. */
  deliveryMs: 20,
  /** How long the work is that a worker holds beyond its slots. */
  lookaheadMs: 100,
  /** How often a worker looks whether its event loop moves, and how late such a look must come to be told. */
  loopWatchMs: 250,
  stoodStillMs: 1_000,
  /** First and longest pause between two tries of a statement whose outcome is unknown. */
  retryMinMs: 50,
  retryMaxMs: 1_000,
  /** Payloads (inputs, outputs, signals; metadata and progress too) over this many bytes are refused. */
  payloadBytes: 1024 * 1024,
  /** How often handles that wait for a result look at the row, in case its message was lost. */
  resultPollMs: 5_000,
  /** How long a client repeats a request that the store left unanswered. */
  clientRepeatMs: 10_000,
  /** How long a client waits for the messages of what it made ready to be confirmed; the stored rows are enough. */
  clientConfirmMs: 1_000,
  /** How often processes are asked to show themselves, while somebody looks at the inspector. */
  inspectMs: 2_000,
} as const;
