/**
 * What the operating system knows of processes: who they are, which session they belong to, what
 * memory they hold. On a system without /proc the scans find nothing and only the group is signalled.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What `/proc/<pid>/stat` says that is of use here. */
export interface ProcessStat {
  readonly pid: number
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** Clock ticks since boot, as text: it is only ever compared. */
  readonly startTime: string
}

/** Seconds since boot, the time in suspend included: the clock of deadlines. */
export function bootSeconds(): number {
  return uptime()
}

/** Changes with each boot; empty where the system does not say. */
export function readBootId(): string {
  return (tryRead('/proc/sys/kernel/random/boot_id') ?? '').trim()
}

/** Reads it; undefined when there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  const line = tryRead(`/proc/${pid}/stat`)
  if (line === undefined) return undefined
  // The second field is the program's name in parentheses and may hold blanks and parentheses itself.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    state: fields[0]!,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: fields[19]!,
  }
}

/** True while that very process lives: same id, same start, not a zombie. */
export function isAlive(pid: number, startTime: string): boolean {
  const stat = readStat(pid)
  if (stat !== undefined) return stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X'
  if (process.platform === 'linux') return false
  return sendSignal(pid, 0)
}

/** Sends a signal; false when there is nobody to send it to. Signal 0 only asks. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Every process of the machine. Gives the event loop a turn after each hundred, for machines that run thousands. */
export async function scanProcesses(): Promise<ProcessStat[]> {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return []
  }
  const found: ProcessStat[] = []
  let read = 0
  for (const name of names) {
    const pid = Number(name)
    if (!Number.isInteger(pid)) continue
    const stat = readStat(pid)
    if (stat !== undefined) found.push(stat)
    if (++read % 100 === 0) await nextTurn()
  }
  return found
}

/**
 * Signals the whole run: its process group at once, then those of its session that made a group of
 * their own, as `timeout` and shells with job control do.
 */
export async function signalSession(leader: number, signal: NodeJS.Signals): Promise<void> {
  sendSignal(-leader, signal)
  await signalStrays(new Set([leader]), signal)
}

/** Signals what is in one of these sessions outside the session's first group. */
export async function signalStrays(sessions: ReadonlySet<number>, signal: NodeJS.Signals): Promise<number> {
  let sent = 0
  for (const found of await scanProcesses()) {
    if (!sessions.has(found.session) || sessions.has(found.group)) continue
    // The list is a few milliseconds old by now; the id may have changed hands.
    if (isAlive(found.pid, found.startTime) && sendSignal(found.pid, signal)) sent += 1
  }
  return sent
}

/** Resident memory of one process, bytes. */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(tryRead(`/proc/${pid}/status`) ?? '')?.[1]
  return kib === undefined ? 0 : Number(kib) * 1024
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
