/** A diagnosis as lines for a terminal: who is at work, what waits, what each node waits for, and what is wrong. */
import type { Diagnosis, NodeSeen, QueueSeen, WorkerSeen } from '../../client/diagnose.js';
import { span } from '../../core/span.js';
import { type Look, painter } from '../paint.js';
import { statusWords } from '../status-words.js';
import { table, wrap } from '../table.js';
import { printable } from '../text-width.js';

/** More nodes than this tell nothing new. */
const NODES_SHOWN = 20;
/** What gives way on a narrow terminal. */
const YIELDING = [
  ['NAME', 4],
  ['PROCESS', 12],
  ['WORKER', 12],
  ['QUEUE OF', 12],
] as const;

export function diagnosisLines(
  { namespace, embedded, broker, workers, queues, run, troubles }: Diagnosis,
  look: Look,
): string[] {
  const paint = painter(look.colours);
  const wrongs = troubles.flatMap((trouble) => {
    const [first = '', ...rest] = wrap(`wrong: ${printable(trouble)}`, look.columns, '  ');
    return [first.replace('wrong:', paint('red', 'wrong:')), ...rest];
  });
  return [
    `namespace ${namespace}, ${embedded ? 'embedded Postgres answers' : `Postgres answers, RabbitMQ is ${broker}`}`,
    ...workerLines(workers, look),
    ...queueLines(queues, look),
    ...(run === undefined
      ? []
      : [
          '',
          ...wrap(`run ${printable(run.id)}: ${statusWords(run.status)}`, look.columns, '  '),
          ...run.nodes.slice(0, NODES_SHOWN).flatMap((node) => nodeLines(node, look.columns)),
        ]),
    ...(run !== undefined && run.nodes.length > NODES_SHOWN ? [`  … ${run.nodes.length - NODES_SHOWN} more`] : []),
    '',
    ...(wrongs.length === 0 ? [paint('green', 'nothing is wrong')] : wrongs),
  ];
}

function workerLines(workers: readonly WorkerSeen[], { now, columns }: Look): string[] {
  if (workers.length === 0) return ['no workers'];
  const rows = workers.map(({ id, host, pid, state, startedAt, ttlUntil }) => [
    printable(id),
    state,
    span(now - startedAt.getTime()),
    ttlUntil.getTime() < now ? `${span(now - ttlUntil.getTime())} ago` : `in ${span(ttlUntil.getTime() - now)}`,
    `${host} pid ${pid}`,
  ]);
  return ['', ...table(['WORKER', 'STATE', 'UP', 'TTL ENDS', 'PROCESS'], rows, { columns, yielding: YIELDING })];
}

const QUEUE_HEAD = ['QUEUE OF', 'READY', 'OLDEST', 'RUNNING', 'MESSAGES', 'CONSUMERS', 'NAME'];

function queueLines(queues: readonly QueueSeen[], { now, columns }: Look): string[] {
  if (queues.length === 0) return ['nothing is ready or running'];
  const rows = queues.map(({ workflow, hash, tags, ready, leased, oldestReadyAt, depth, name }) => [
    `${workflow} ${hash.slice(0, 8)}${tags.length === 0 ? '' : ` ${tags.join(',')}`}`,
    String(ready),
    oldestReadyAt === undefined ? '' : span(now - oldestReadyAt.getTime()),
    String(leased),
    depth === undefined ? '?' : String(depth.ready),
    depth === undefined ? '?' : String(depth.consumers),
    name,
  ]);
  return ['', ...table(QUEUE_HEAD, rows, { columns, yielding: YIELDING })];
}

function nodeLines({ node, path, state, losses, waitsFor }: NodeSeen, columns: number | undefined): string[] {
  const lost = losses === 0 ? '' : `, lost ${losses === 1 ? 'once' : `${losses} times`} with its worker`;
  return [`  ${node} (${path}) is ${state}${lost}`, ...wrap(`    waits for ${printable(waitsFor)}`, columns, '      ')];
}
