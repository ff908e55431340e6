/** A diagnosis as lines for a terminal: who is at work, what waits, what each node waits for, and what is wrong. */
import type { Diagnosis, NodeSeen, QueueSeen, WorkerSeen } from '../../client/diagnose.js';
import { span } from '../../core/span.js';
import { type Look, painter } from '../paint.js';
import { statusWords } from '../status-words.js';
import { cut, table, wrap } from '../table.js';

/** More nodes than this tell nothing new. */
const NODES_SHOWN = 20;

export function diagnosisLines({ namespace, broker, workers, queues, run, troubles }: Diagnosis, look: Look): string[] {
  const paint = painter(look.colours);
  const fits = (lines: readonly string[]) => lines.map((line) => cut(line, look.columns));
  const wrongs = troubles.flatMap((trouble) => {
    const [first = '', ...rest] = wrap(`wrong: ${trouble}`, look.columns, '  ');
    return [first.replace('wrong:', paint('red', 'wrong:')), ...rest];
  });
  return [
    `namespace ${namespace}, Postgres answers, RabbitMQ is ${broker}`,
    ...fits(workerLines(workers, look.now)),
    ...fits(queueLines(queues, look.now)),
    ...(run === undefined
      ? []
      : [
          '',
          `run ${run.id}: ${statusWords(run.status)}`,
          ...run.nodes.slice(0, NODES_SHOWN).flatMap((node) => nodeLines(node, look.columns)),
        ]),
    ...(run !== undefined && run.nodes.length > NODES_SHOWN ? [`  … ${run.nodes.length - NODES_SHOWN} more`] : []),
    '',
    ...(wrongs.length === 0 ? [paint('green', 'nothing is wrong')] : wrongs),
  ];
}

function workerLines(workers: readonly WorkerSeen[], now: number): string[] {
  if (workers.length === 0) return ['no workers'];
  const rows = workers.map(({ id, host, pid, state, startedAt, ttlUntil }) => [
    id,
    state,
    span(now - startedAt.getTime()),
    ttlUntil.getTime() < now ? `${span(now - ttlUntil.getTime())} ago` : `in ${span(ttlUntil.getTime() - now)}`,
    `${host} pid ${pid}`,
  ]);
  return ['', ...table(['WORKER', 'STATE', 'UP', 'TTL ENDS', 'PROCESS'], rows)];
}

function queueLines(queues: readonly QueueSeen[], now: number): string[] {
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
  return ['', ...table(['QUEUE OF', 'READY', 'OLDEST', 'RUNNING', 'MESSAGES', 'CONSUMERS', 'NAME'], rows)];
}

function nodeLines({ node, path, state, losses, waitsFor }: NodeSeen, columns: number | undefined): string[] {
  const lost = losses === 0 ? '' : `, lost ${losses === 1 ? 'once' : `${losses} times`} with its worker`;
  return [`  ${node} (${path}) is ${state}${lost}`, ...wrap(`    waits for ${waitsFor}`, columns, '      ')];
}
