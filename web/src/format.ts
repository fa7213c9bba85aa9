/**
 * How amounts, times and names are written on the page. Pure, so that they are tested without a browser.
 */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1536` → `1.5 KiB`. Three significant digits are enough to compare machines by. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${trimZero(value.toFixed(digits))} ${BYTE_UNITS[unit]}`
}

/** Thousandths of a core → cores: `1500` → `1.5`. */
export function formatCores(cpuMilli: number): string {
  return trimZero((cpuMilli / 1000).toFixed(cpuMilli % 100 === 0 ? 1 : 2))
}

/** `0.347` → `35 %`. */
export function formatPercent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function trimZero(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** A length of time in its two largest units: `450 ms`, `3.2 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const span = Math.max(0, ms)
  if (span < 1000) return `${Math.round(span)} ms`
  if (span < 9_950) return `${trimZero((span / 1000).toFixed(1))} s`
  const seconds = Math.round(span / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return withRest(minutes, 'min', seconds % 60, 's')
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return withRest(hours, 'h', minutes % 60, 'min')
  return withRest(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${restUnit}`
}

/** Whole seconds at most, for ages that tick: `7 s`, `4 min`, `3 h`, `2 d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** Time of day in the reader's own zone, to the millisecond when asked: `14:03:07.250`. */
export function formatClock(atMs: number, withMs = false): string {
  const at = new Date(atMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return withMs ? `${clock}.${String(at.getMilliseconds()).padStart(3, '0')}` : clock
}

/** The time of day for what happened today, with the date before it for what did not. */
export function formatWhen(atMs: number, nowMs: number): string {
  const clock = formatClock(atMs, true)
  const [at, now] = [new Date(atMs), new Date(nowMs)]
  if (at.toDateString() === now.toDateString()) return clock
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0'))
  return `${at.getFullYear()}-${month}-${day} ${clock}`
}

/** `+4 ms`, `+1.2 s`: how long after the first thing something happened. */
export function formatOffset(ms: number): string {
  return `+${formatDuration(ms)}`
}

/** Peer ids share their first characters (`12D3KooW`), so a short form shows where they begin to differ. */
export function shortPeer(peerId: string): string {
  return peerId.length <= 16 ? peerId : `${peerId.slice(0, 4)}…${peerId.slice(-8)}`
}

/** A command line as one would type it into a POSIX shell. */
export function formatCommand(command: readonly string[]): string {
  return command.map(quoteWord).join(' ')
}

function quoteWord(word: string): string {
  if (word !== '' && /^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** True for an end nobody asked for. */
export function isBadExit(exit: { exitCode: number; killedFor?: string | undefined }): boolean {
  return exit.exitCode !== 0 && exit.killedFor !== 'cancelled'
}

/** What `exit` says in a word or two: `0`, `1`, `SIGKILL (out of memory)`, `did not start`. */
export function formatExit(exit: {
  exitCode: number
  signal?: string | undefined
  killedFor?: 'cancelled' | 'timeout' | 'memory' | 'lost' | 'policy' | undefined
  startError?: string | undefined
}): string {
  if (exit.startError !== undefined) return 'did not start'
  const code = exit.signal ?? String(exit.exitCode)
  return exit.killedFor === undefined ? code : `${code} (${KILLED_FOR[exit.killedFor]})`
}

const KILLED_FOR = {
  cancelled: 'cancelled',
  timeout: 'timed out',
  memory: 'out of memory',
  lost: 'node lost',
  policy: 'forbidden by policy',
} as const

/** `1 node`, `3 nodes`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

/** `12345` → `12,345`. */
export function formatCount(amount: number): string {
  return amount.toLocaleString('en-US')
}

/** A zone or region; a `~` says that no label of the node's own names it. */
export function formatDomain(
  domain: { readonly name: string; readonly inferred: boolean } | undefined,
): string | undefined {
  return domain?.inferred === true && !domain.name.startsWith('~') ? `~${domain.name}` : domain?.name
}
