/**
 * What the cgroups above this process leave it: memory and CPU, under cgroup v1, v2 and both at once.
 *
 * Node's own figures do not do: `process.constrainedMemory()` is 1.8e19 without a limit and sees only
 * the process's own group, and `availableParallelism()` knows nothing of a v1 quota. A limit set on any
 * ancestor binds as well, so every level up to the mount is read.
 */
import { type FileTree, parseInteger, readInteger } from './file-tree.ts'
import { type CgroupEntry, type MountEntry, parseFlatKeyed, parseMountinfo, parseProcCgroup } from './proc.ts'

/** Which of the kernel's two interfaces governs a resource. */
export type CgroupVersion = 'v1' | 'v2'

/** The directories that govern one resource: the process's own group first, then its ancestors. */
export interface CgroupChain {
  readonly version: CgroupVersion
  readonly dirs: readonly string[]
}

/** Where this process stands. A resource without a chain is not governed by any visible cgroup. */
export interface Cgroups {
  readonly memory?: CgroupChain
  readonly cpu?: CgroupChain
}

/** What the cgroups allow; absent where they do not limit. */
export interface CgroupLimits {
  readonly memoryBytes?: number
  readonly cpuMilli?: number
}

/** Real trees are five or six deep. */
const DEPTH_MAX = 32
/** v1 says "unlimited" as 2^63 rounded down to a page; nothing near it is a limit somebody set. */
const UNLIMITED_BYTES = 2 ** 60
/** The kernel's default period, used when cpu.max gives only the quota. */
const DEFAULT_PERIOD_US = 100_000

/** Finds the cgroups of the process that reads `tree`. Costs two reads and one look-up a level. */
export function findCgroups(tree: FileTree): Cgroups {
  const entries = parseProcCgroup(tree.read('/proc/self/cgroup') ?? '')
  if (entries.length === 0) return {}
  const mounts = parseMountinfo(tree.read('/proc/self/mountinfo') ?? '')
  const memory = findChain(tree, entries, mounts, 'memory')
  const cpu = findChain(tree, entries, mounts, 'cpu')
  return { ...(memory !== undefined && { memory }), ...(cpu !== undefined && { cpu }) }
}

/** A controller lives in exactly one hierarchy: a v1 one that names it, or else the unified one. */
function findChain(
  tree: FileTree,
  entries: readonly CgroupEntry[],
  mounts: readonly MountEntry[],
  controller: string,
): CgroupChain | undefined {
  const v1 = entries.find((entry) => entry.controllers.includes(controller))
  const entry = v1 ?? entries.find(({ controllers }) => controllers.length === 0)
  if (entry === undefined) return undefined
  const candidates = mounts.filter((mount) =>
    v1 === undefined
      ? mount.fsType === 'cgroup2'
      : mount.fsType === 'cgroup' && mount.superOptions.includes(controller),
  )
  for (const mount of candidates) {
    const dirs = dirsBelow(mount, entry.path).filter((dir) => tree.exists(dir))
    if (dirs.length > 0) return { version: v1 === undefined ? 'v2' : 'v1', dirs }
  }
  return undefined
}

/**
 * The group's directory under this mount and those above it, as far as the mount shows them. Empty when the
 * group lies outside the mount (`/../other`, seen from within a cgroup namespace): another group's
 * limits would be worse than none.
 */
function dirsBelow({ root, mountPoint }: MountEntry, path: string): string[] {
  const base = root === '/' ? '' : root
  if (path !== root && !path.startsWith(`${base}/`)) return []
  const parts = path
    .slice(base.length)
    .split('/')
    .filter((part) => part !== '')
  if (parts.includes('..') || parts.length > DEPTH_MAX) return []
  const dirs: string[] = []
  for (let depth = parts.length; depth >= 0; depth--) dirs.push([mountPoint, ...parts.slice(0, depth)].join('/'))
  return dirs
}

/** The tightest limits over all levels. */
export function readCgroupLimits(tree: FileTree, { memory, cpu }: Cgroups): CgroupLimits {
  const memoryBytes = tightest(memory, (dir, version) => memoryLimit(tree, dir, version))
  const cpuMilli = tightest(cpu, (dir, version) => cpuLimit(tree, dir, version))
  return { ...(memoryBytes !== undefined && { memoryBytes }), ...(cpuMilli !== undefined && { cpuMilli }) }
}

/**
 * What may still be taken before the first of the limits is hit: limit − usage + inactive file cache,
 * which the kernel drops before it refuses. Undefined without a limit.
 */
export function readCgroupMemoryAvailable(tree: FileTree, { memory }: Cgroups): number | undefined {
  return tightest(memory, (dir, version) => {
    const limit = memoryLimit(tree, dir, version)
    if (limit === undefined) return undefined
    const usage = readInteger(tree, `${dir}/${version === 'v2' ? 'memory.current' : 'memory.usage_in_bytes'}`)
    const stat = parseFlatKeyed(tree.read(`${dir}/memory.stat`) ?? '')
    // The plain v1 figure leaves out the groups below; usage does not.
    const inactive = stat.get(version === 'v2' ? 'inactive_file' : 'total_inactive_file') ?? 0
    return usage === undefined ? limit : Math.max(0, limit - Math.max(0, usage - inactive))
  })
}

/** CPU time used in the group whose quota is tightest, so that the fill of the quota can be told. */
export interface QuotaUsage {
  readonly usedUs: number
  readonly limitMilli: number
}

/** Undefined without a quota, or where v1 keeps the account in another hierarchy. */
export function readQuotaUsage(tree: FileTree, { cpu }: Cgroups): QuotaUsage | undefined {
  let found: { dir: string; limitMilli: number } | undefined
  for (const dir of cpu?.dirs ?? []) {
    const limitMilli = cpuLimit(tree, dir, cpu!.version)
    if (limitMilli !== undefined && limitMilli < (found?.limitMilli ?? Infinity)) found = { dir, limitMilli }
  }
  if (found === undefined) return undefined
  const usedUs =
    cpu?.version === 'v2'
      ? parseFlatKeyed(tree.read(`${found.dir}/cpu.stat`) ?? '').get('usage_usec')
      : nanosToMicros(tree.read(`${found.dir}/cpuacct.usage`))
  return usedUs === undefined ? undefined : { usedUs, limitMilli: found.limitMilli }
}

/** After a hundred CPU days the nanoseconds no longer fit a number exactly; the microseconds do. */
function nanosToMicros(nanos: string | undefined): number | undefined {
  return nanos !== undefined && /^\d{1,18}\s*$/.test(nanos) ? Math.floor(Number(nanos) / 1000) : undefined
}

function tightest(
  chain: CgroupChain | undefined,
  limitOf: (dir: string, version: CgroupVersion) => number | undefined,
): number | undefined {
  if (chain === undefined) return undefined
  const limits = chain.dirs.map((dir) => limitOf(dir, chain.version)).filter((limit) => limit !== undefined)
  return limits.length === 0 ? undefined : Math.min(...limits)
}

function memoryLimit(tree: FileTree, dir: string, version: CgroupVersion): number | undefined {
  if (version === 'v2') {
    // Above memory.high nothing is killed, but everything is slowed to a crawl: no place for a task either.
    return least(parseLimit(tree.read(`${dir}/memory.max`)), parseLimit(tree.read(`${dir}/memory.high`)))
  }
  // The hierarchical figure includes ancestors which a container's mount does not show.
  const hierarchical = /^hierarchical_memory_limit (\d+)$/m.exec(tree.read(`${dir}/memory.stat`) ?? '')
  return least(parseLimit(tree.read(`${dir}/memory.limit_in_bytes`)), parseLimit(hierarchical?.[1]))
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b)
}

/** Bytes; undefined for `max`, for v1's enormous number, and for junk. */
function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*\d{1,20}\s*$/.test(text)) return undefined
  const limit = Number(text)
  return limit < UNLIMITED_BYTES ? Math.min(limit, Number.MAX_SAFE_INTEGER) : undefined
}

function cpuLimit(tree: FileTree, dir: string, version: CgroupVersion): number | undefined {
  const [quota, period] =
    version === 'v2'
      ? (tree.read(`${dir}/cpu.max`) ?? '').trim().split(' ')
      : [tree.read(`${dir}/cpu.cfs_quota_us`), tree.read(`${dir}/cpu.cfs_period_us`)]
  const quotaUs = parseInteger(quota)
  const periodUs = parseInteger(period) ?? DEFAULT_PERIOD_US
  // v1 says "no quota" as -1, v2 as the word max.
  if (quotaUs === undefined || quotaUs <= 0 || periodUs <= 0) return undefined
  return Math.max(1, Math.floor((quotaUs * 1000) / periodUs))
}
