/**
 * Logs, on stderr: one JSON object a line, or, on a terminal, one readable line. Packages report through an Observer;
 * what they report never holds a secret, and whatever is called like one is struck out here as well.
 */
import type { ObservedEvent, Observer } from '@millstream/units'
import { type DestinationStream, type Logger, pino } from 'pino'
import { printable } from './failure.js'

export const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type Level = (typeof levels)[number]

const secretFields = ['token', 'secret', 'key', 'fulfillment', 'authorization', 'cookie']

export interface LogOptions {
  readonly level: Level
  /** For a person's eyes rather than for a program's. */
  readonly readable: boolean
  readonly write: (text: string) => void
}

export type { Logger } from 'pino'

export function create(options: LogOptions): Logger {
  const { level, readable, write } = options
  const destination: DestinationStream = { write: readable ? (line) => write(readableLine(line)) : write }
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretFields, censor: '[struck out]' },
      serializers: { error: pino.stdSerializers.err },
    },
    destination,
  )
}

/** How the events of every package become log lines. Amounts are written as decimal strings. */
export function observer(logger: Logger): Observer {
  return (event: ObservedEvent) => {
    if (!logger.isLevelEnabled(event.level)) return
    const { name, level, ...fields } = event
    const plain = Object.entries(fields).map(([field, value]) => [
      field,
      typeof value === 'bigint' ? `${value}` : value,
    ])
    logger[level](Object.fromEntries(plain), name)
  }
}

/** `12:00:01 warn  trustline.connection_refused  address=127.0.0.1` */
function readableLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const words = Object.entries(fields).map(
    ([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const text = [String(time).slice(11, 19), String(level).padEnd(5), msg, ...words].join(' ')
  return `${printable(text).replaceAll('\n', ' ')}\n`
}
