/** The level of a logger, where it has one: pino's do. */
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** Pino's levels, the most talkative first. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Undefined where the logger has none of these. */
export function levelOf(logger: Logger): LogLevel | undefined {
  const level = 'level' in logger ? logger.level : undefined;
  return LOG_LEVELS.find((one) => one === level);
}

/** Returns what sets it back. Throws a ConfigError where the logger has no levels. */
export function setLevel(logger: Logger, level: LogLevel): () => void {
  if (!('level' in logger)) throw new ConfigError('logLevel: this logger has no levels; a pino logger has');
  const before = logger.level;
  logger.level = level;
  return () => {
    logger.level = before;
  };
}
