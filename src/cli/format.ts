/** Times, durations and amounts, as people write and read them. */
import { DURATION_EXPECTED, readDurationMs } from '../model/duration.ts'
import { formatBytes, formatCpu } from '../model/quantity.ts'
import type { Resources } from '../model/resources.ts'
import { usageError } from './errors.ts'

/**
 * A duration: `90s`, `5m`, `1h30m`, `500ms`, `2d`.
 * @returns milliseconds
 * @throws CliError: a bare number is refused, since some would mean seconds and others milliseconds
 */
export function parseDurationMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) throw usageError(`give a unit, such as ${text}s or ${text}m`)
  const ms = readDurationMs(text)
  if (ms !== undefined) return ms
  throw usageError(`expected ${DURATION_EXPECTED}`)
}

/** A duration in its two largest units at most: `450ms`, `2.5s`, `65s` as `1m5s`, `3d4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`
  if (ms < 10_000) return `${(Math.floor(ms / 100) / 10).toString()}s`
  const seconds = Math.floor(ms / 1_000)
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
    `${big}${bigUnit}${small > 0 ? `${small}${smallUnit}` : ''}`
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), 'm', seconds % 60, 's')
  if (seconds < 86_400) return pair(Math.floor(seconds / 3_600), 'h', Math.floor((seconds % 3_600) / 60), 'm')
  return pair(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3_600), 'h')
}

/** A round trip: `0.42 ms`, `7.5 ms`, `76 ms`; an estimate with the error to be expected, as `153 ms ±12%`. */
export function formatRtt({ ms, error }: { readonly ms: number; readonly error?: number | undefined }): string {
  const digits = ms < 1 ? 2 : ms < 10 ? 1 : 0
  return `${ms.toFixed(digits)} ms${error === undefined ? '' : ` ±${Math.round(error * 100)}%`}`
}

/** A share as whole per cent; nothing known is a dash. */
export function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '-' : `${Math.round(ratio * 100)}%`
}

/** `2 cores, 1.5 GiB`. */
export function formatResources({ cpuMilli, memoryBytes }: Resources): string {
  return `${formatCpu(cpuMilli)} ${cpuMilli === 1000 ? 'core' : 'cores'}, ${formatBytes(memoryBytes)}`
}

/** Local wall-clock time with milliseconds, for stories that take a few of them. */
export function formatClock(atMs: number): string {
  const date = new Date(atMs)
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`
}

/** The end of a peer id: it begins with the same letters for everyone. */
export function shortPeer(peerId: string): string {
  return peerId.length > 10 ? `…${peerId.slice(-8)}` : peerId
}

/** A zone or region; a `~` says that no label of the node's own names it. */
export function formatDomain(
  domain: { readonly name: string; readonly inferred: boolean } | undefined,
): string | undefined {
  return domain?.inferred === true && !domain.name.startsWith('~') ? `~${domain.name}` : domain?.name
}

/** So many of something: `1 task`, `2 tasks`. */
export function count(amount: number, what: string, many = `${what}s`): string {
  return `${amount} ${amount === 1 ? what : many}`
}
