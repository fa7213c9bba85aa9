/** What a process takes of the machine, from /proc: Linux only. */
import { readFileSync } from 'node:fs'
import { ticksPerSecond } from './machine.ts'

export interface Usage {
  readonly rssBytes: number
  /** CPU time since its start, user and system, seconds. */
  readonly cpuSeconds: number
  readonly atMs: number
}

const TICKS = ticksPerSecond()

/** @throws Error when there is no such process, or no /proc */
export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields after the command's name, which may hold spaces: utime and stime are the 14th and 15th of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return {
    rssBytes: Number(rss?.[1] ?? 0) * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
    atMs: performance.now(),
  }
}

/** Bytes that have gone out by a network device, as the process sees it; frames and retransmissions included. */
export function sentBytes(pid: number, device: string): number {
  const line = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
    .split('\n')
    .find((row) => row.trim().startsWith(`${device}:`))
  // After the name eight fields of what came in, then eight of what went out, bytes first.
  const sent = line?.split(':')[1]?.trim().split(/\s+/)[8]
  if (sent === undefined) throw new Error(`process ${pid} has no network device ${device}`)
  return Number(sent)
}
