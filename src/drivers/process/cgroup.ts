/**
 * Limits by cgroup, version 1 or 2, wherever this process may make one. Which it may is found out by
 * doing it once: permissions, delegation and read-only mounts are too many to reason about.
 *
 * A run's cgroup is `<base>/althing-<hash of the driver's directory>/<runId>`; it exists only for runs
 * with limits and goes when they end.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sendSignal } from './proc.ts'

/** What a cgroup can hold a run to. */
export type Controller = 'memory' | 'cpu'

/** A folder in which this driver may make cgroups that hold one controller. */
interface Hold {
  readonly version: 1 | 2
  readonly folder: string
}

export interface RunCgroup {
  /** Files into which the task writes `0` to join. */
  readonly join: readonly string[]
}

/** The kernel's own scheduling period for CPU quotas, microseconds. */
const CPU_PERIOD_US = 100_000
/** The kernel refuses a quota below a millisecond. */
const CPU_QUOTA_MIN_US = 1_000

/** The cgroups below which runs are put, as far as this machine lets us make any. */
export class Cgroups {
  readonly #holds: ReadonlyMap<Controller, Hold>

  private constructor(holds: ReadonlyMap<Controller, Hold>) {
    this.#holds = holds
  }

  /** Looks for a place where cgroups can be made. `mounts` and `own` are /proc/self/{mounts,cgroup}. */
  static probe(dir: string, mounts = read('/proc/self/mounts'), own = read('/proc/self/cgroup')): Cgroups {
    const name = `althing-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`
    const holds = new Map<Controller, Hold>()
    for (const controller of ['memory', 'cpu'] as const) {
      for (const { version, base } of candidates(controller, mounts, own)) {
        const hold: Hold = { version, folder: join(base, name) }
        if (tryHold(hold, base, controller)) {
          holds.set(controller, hold)
          break
        }
        // Version 2 keeps all controllers in one folder, which another may be using already.
        if (![...holds.values()].some(({ folder }) => folder === hold.folder)) tryRemove(hold.folder)
      }
    }
    return new Cgroups(holds)
  }

  /** Holds nothing: for tests, and for those who want no cgroups. */
  static none(): Cgroups {
    return new Cgroups(new Map())
  }

  version(controller: Controller): 'cgroup-v1' | 'cgroup-v2' | undefined {
    const hold = this.#holds.get(controller)
    return hold && `cgroup-v${hold.version}`
  }

  /** Makes the run's cgroups with its limits set. Throws what the system throws. */
  create(runId: string, limits: { readonly cpuMilli?: number; readonly memoryBytes?: number }): RunCgroup {
    const folders = new Set<string>()
    const make = (hold: Hold): string => {
      const folder = join(hold.folder, runId)
      makeFolder(hold.folder)
      makeFolder(folder)
      folders.add(folder)
      return folder
    }
    const memory = this.#holds.get('memory')
    if (memory && limits.memoryBytes !== undefined) limitMemory(memory.version, make(memory), limits.memoryBytes)
    const cpu = this.#holds.get('cpu')
    if (cpu && limits.cpuMilli !== undefined) limitCpu(cpu.version, make(cpu), limits.cpuMilli)
    return { join: [...folders].map((folder) => join(folder, 'cgroup.procs')) }
  }

  /** How often the kernel killed something of this run for want of memory. */
  oomKills(runId: string): number {
    const hold = this.#holds.get('memory')
    if (hold === undefined) return 0
    const file = hold.version === 2 ? 'memory.events' : 'memory.oom_control'
    return Number(/^oom_kill (\d+)$/m.exec(read(join(hold.folder, runId, file)))?.[1] ?? 0)
  }

  /** Signals what is in the run's cgroups, wherever it has fled to. */
  signal(runId: string, signal: NodeJS.Signals): void {
    for (const folder of this.#foldersOf(runId)) {
      for (const pid of read(join(folder, 'cgroup.procs')).split('\n')) {
        if (pid !== '') sendSignal(Number(pid), signal)
      }
    }
  }

  /** Removes the run's cgroups; false when something still lives in one. */
  remove(runId: string): boolean {
    let gone = true
    for (const folder of this.#foldersOf(runId)) gone = tryRemove(folder) && gone
    return gone
  }

  /** Runs that have a cgroup, to find those that an earlier daemon could not remove. */
  list(): string[] {
    const names = new Set<string>()
    for (const { folder } of this.#holds.values()) {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) names.add(entry.name)
      }
    }
    return [...names]
  }

  /** Removes the driver's own cgroups, if no run is left in them. */
  close(): void {
    for (const { folder } of this.#holds.values()) tryRemove(folder)
  }

  #foldersOf(runId: string): Set<string> {
    return new Set([...this.#holds.values()].map(({ folder }) => join(folder, runId)))
  }
}

function limitMemory(version: 1 | 2, folder: string, bytes: number): void {
  if (version === 2) {
    writeFileSync(join(folder, 'memory.max'), String(bytes))
    // One process of a task gone is the task gone; and swap would only hide the limit. Both are optional.
    tryWrite(join(folder, 'memory.oom.group'), '1')
    tryWrite(join(folder, 'memory.swap.max'), '0')
    return
  }
  writeFileSync(join(folder, 'memory.limit_in_bytes'), String(bytes))
  tryWrite(join(folder, 'memory.memsw.limit_in_bytes'), String(bytes))
}

function limitCpu(version: 1 | 2, folder: string, milli: number): void {
  const quota = Math.max(CPU_QUOTA_MIN_US, Math.round((milli * CPU_PERIOD_US) / 1000))
  if (version === 2) {
    writeFileSync(join(folder, 'cpu.max'), `${quota} ${CPU_PERIOD_US}`)
    return
  }
  writeFileSync(join(folder, 'cpu.cfs_period_us'), String(CPU_PERIOD_US))
  writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quota))
}

/** Where cgroups of a controller might be made: below our own cgroup, else at the root. */
function* candidates(controller: Controller, mounts: string, own: string): Generator<{ version: 1 | 2; base: string }> {
  for (const line of mounts.split('\n')) {
    const [, point, type, options] = line.split(' ')
    const version =
      type === 'cgroup2' ? 2 : type === 'cgroup' && options?.split(',').includes(controller) ? 1 : undefined
    if (version === undefined || point === undefined) continue
    const mount = point.replaceAll('\\040', ' ')
    for (const entry of own.split('\n')) {
      const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(entry) ?? []
      const ours = version === 2 ? names === '' : names?.split(',').includes(controller)
      if (ours && path !== undefined && path !== '/') yield { version, base: join(mount, path) }
    }
    yield { version, base: mount }
  }
}

function tryHold(hold: Hold, base: string, controller: Controller): boolean {
  const probe = join(hold.folder, 'probe')
  try {
    if (hold.version === 2) tryWrite(join(base, 'cgroup.subtree_control'), `+${controller}`)
    makeFolder(hold.folder)
    if (hold.version === 2) writeFileSync(join(hold.folder, 'cgroup.subtree_control'), `+${controller}`)
    makeFolder(probe)
    if (controller === 'memory') limitMemory(hold.version, probe, 64 * 1024 * 1024)
    else limitCpu(hold.version, probe, 1000)
    return true
  } catch {
    return false
  } finally {
    tryRemove(probe)
  }
}

/** Not `recursive`: where the kernel refuses with ENOENT, as in /proc, Node 24 then tries for ever. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function tryRemove(folder: string): boolean {
  try {
    rmdirSync(folder)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function tryWrite(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch {
    // Optional on some kernels.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
