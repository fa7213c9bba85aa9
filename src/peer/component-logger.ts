/**
 * What libp2p logs through. Silent unless asked: making its debug loggers for every stream costs 10 to 40 % of
 * a request (measured).
 */
import type { ComponentLogger, Logger as Libp2pLogger } from '@libp2p/interface'
import { format } from 'node:util'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

function silentLogger(): Libp2pLogger {
  const log = Object.assign(() => {}, {
    enabled: false,
    error: () => {},
    trace: () => {},
    newScope: (): Libp2pLogger => log,
  })
  return log as Libp2pLogger
}

const SILENT = silentLogger()

/** One logger for every component, stream and scope, that does nothing. */
export const SILENT_COMPONENTS: ComponentLogger = { forComponent: () => SILENT }

/** Sends libp2p's own lines (not its traces) to `log` at debug level. */
export function debugComponents(log: Logger): ComponentLogger {
  const make = (component: string): Libp2pLogger => {
    const write = (template: unknown, ...args: unknown[]): void =>
      log.debug({ component }, render(String(template), args))
    return Object.assign(write, {
      enabled: true,
      error: write,
      trace: () => {},
      newScope: (name: string) => make(`${component}:${name}`),
    }) as Libp2pLogger
  }
  return { forComponent: make }
}

/** libp2p has format letters of its own (%p peer, %a address, %e error …): all of them are text in the end. */
function render(template: string, args: unknown[]): string {
  const texts = args.map((value) => (value instanceof Error ? messageOf(value) : value))
  return format(template.replaceAll(/%[peabtmck]/g, '%s'), ...texts)
}
