/**
 * Parsers of the text files in /proc and /etc. Each takes any text whatever, never throws, and holds
 * on to a bounded amount of it: a file may be cut, emptied or made up by a container.
 */
import { parseInteger } from './file-tree.ts'

/** No kernel is built for more; a longer list is nonsense. */
const CPUS_MAX = 8192
/** Distinct kinds of core in one chip. Real ones have up to three. */
const PARTS_MAX = 8
const KEYS_MAX = 256
const MOUNTS_MAX = 4096
const CGROUP_LINES_MAX = 64

/** What one pass over /proc/cpuinfo yields. */
export interface CpuinfoFacts {
  /** Lower-cased key → value where it is first given. */
  readonly fields: ReadonlyMap<string, string>
  /** Distinct ARM cores as `implementer/part`, both hexadecimal, in order of appearance. */
  readonly armParts: readonly string[]
  /** How many processors are listed. */
  readonly processors: number
}

/** Parses /proc/cpuinfo of any architecture. */
export function parseCpuinfo(text: string): CpuinfoFacts {
  const fields = new Map<string, string>()
  const armParts = new Set<string>()
  let implementer = ''
  let processors = 0
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 0) continue
    const key = line.slice(0, colon).trim().toLowerCase()
    const value = line.slice(colon + 1).trim()
    // Old ARM kernels also have a `Processor` line with the model in words.
    if (key === 'processor' && /^\d+$/.test(value)) {
      processors = Math.min(CPUS_MAX, processors + 1)
      continue
    }
    if (key === 'cpu implementer') implementer = value.toLowerCase()
    if (key === 'cpu part' && armParts.size < PARTS_MAX) armParts.add(`${implementer}/${value.toLowerCase()}`)
    if (value !== '' && fields.size < KEYS_MAX && !fields.has(key)) fields.set(key, value)
  }
  return { fields, armParts: [...armParts], processors }
}

/** Parses a CPU list such as `0-3,8`; junk entries are skipped. Ascending, without repeats. */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>()
  for (const part of text.trim().split(',', CPUS_MAX)) {
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part)
    if (range === null) continue
    const first = Number(range[1])
    const last = Math.min(Number(range[2] ?? first), CPUS_MAX - 1)
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu)
  }
  return [...cpus].toSorted((a, b) => a - b)
}

/** Parses lines of `Name: 123 kB` (/proc/meminfo) into bytes. */
export function parseMeminfo(text: string): Map<string, number> {
  const bytes = new Map<string, number>()
  for (const line of text.split('\n', KEYS_MAX)) {
    const match = /^([A-Za-z0-9_()]+):\s*(\d{1,13})( kB)?\s*$/.exec(line)
    if (match !== null) bytes.set(match[1]!, Number(match[2]) * (match[3] === undefined ? 1 : 1024))
  }
  return bytes
}

/** Parses lines of `name 123` (a cgroup's memory.stat, cpu.stat). */
export function parseFlatKeyed(text: string): Map<string, number> {
  const values = new Map<string, number>()
  for (const line of text.split('\n', KEYS_MAX)) {
    const space = line.indexOf(' ')
    const value = space < 0 ? undefined : parseInteger(line.slice(space + 1))
    if (value !== undefined) values.set(line.slice(0, space), value)
  }
  return values
}

/** Parses os-release(5): shell assignments, quoted or not. */
export function parseOsRelease(text: string): Map<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n', KEYS_MAX)) {
    const match = /^([A-Z0-9_]+)=(.*)$/.exec(line.trim())
    if (match === null) continue
    const raw = match[2]!
    const quote = raw.at(0)
    const quoted = raw.length >= 2 && (quote === '"' || quote === "'") && raw.endsWith(quote)
    values.set(match[1]!, quoted ? raw.slice(1, -1).replaceAll(/\\(["'\\$`])/g, '$1') : raw)
  }
  return values
}

/** Time the whole machine has spent since boot, in clock ticks. */
export interface CpuTicks {
  readonly busy: number
  readonly total: number
}

/**
 * Parses the first line of /proc/stat. Time stolen by a hypervisor counts as busy, since nobody here
 * can have it; waiting for a disk counts as idle. Guests' time is already within user and nice.
 */
export function parseProcStat(text: string): CpuTicks | undefined {
  const match = /^cpu +(\d[\d ]*)$/m.exec(text.slice(0, 512))
  if (match === null) return undefined
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = match[1]!
    .trim()
    .split(/ +/)
    .map(Number)
  const busy = user + nice + system + irq + softirq + steal
  const total = busy + idle + iowait
  return Number.isSafeInteger(total) ? { busy, total } : undefined
}

/** One-minute average of /proc/loadavg. */
export function parseLoadAverage(text: string): number | undefined {
  const match = /^(\d{1,6}\.\d{1,4}) /.exec(text)
  return match === null ? undefined : Number(match[1])
}

/** One line of /proc/self/mountinfo, as far as it is used. */
export interface MountEntry {
  /** Device number, `major:minor`; major 0 for file systems without a device of their own. */
  readonly device: string
  /** What of the file system is mounted: `/` unless it is a bind mount, a subvolume or a namespaced cgroup. */
  readonly root: string
  readonly mountPoint: string
  readonly fsType: string
  readonly source: string
  readonly superOptions: readonly string[]
}

/** Parses /proc/self/mountinfo (proc_pid_mountinfo(5)); lines that do not fit are skipped. */
export function parseMountinfo(text: string): MountEntry[] {
  const mounts: MountEntry[] = []
  for (const line of text.split('\n', MOUNTS_MAX)) {
    const fields = line.split(' ')
    // A variable number of optional fields ends with a lone dash.
    const dash = fields.indexOf('-', 6)
    const [, , device, root, mountPoint] = fields
    if (dash < 0 || device === undefined || root === undefined || mountPoint === undefined) continue
    const [fsType = '', source = '', superOptions = ''] = fields.slice(dash + 1)
    mounts.push({
      device,
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      fsType,
      source: unescapeOctal(source),
      superOptions: superOptions.split(',', KEYS_MAX),
    })
  }
  return mounts
}

/** The kernel writes blank, tab, newline and backslash as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** One line of /proc/self/cgroup. The unified (v2) hierarchy has no controllers here. */
export interface CgroupEntry {
  readonly controllers: readonly string[]
  readonly path: string
}

/** Parses /proc/self/cgroup (cgroups(7)); lines that do not fit are skipped. */
export function parseProcCgroup(text: string): CgroupEntry[] {
  const entries: CgroupEntry[] = []
  for (const line of text.split('\n', CGROUP_LINES_MAX)) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line)
    if (match === null) continue
    entries.push({ controllers: match[1] === '' ? [] : match[1]!.split(',', CGROUP_LINES_MAX), path: match[2]! })
  }
  return entries
}
