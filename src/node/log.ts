/** The daemon's log: one JSON object a line on stderr, with level and component (pino). */
import { pino } from 'pino'
import type { Logger } from '../util/logger.ts'
import type { LogLevel } from './options.ts'

/** @param level lines below it are not written */
export function createLog(level: LogLevel): Logger {
  const root = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Synchronous: what a dying daemon said last is the line one looks for.
    pino.destination({ fd: 2, sync: true }),
  )
  return root
}
