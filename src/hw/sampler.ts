/**
 * Samples how loaded the machine is. A sample reads three small files, and two or three more for each
 * limited cgroup above the daemon; no process is started.
 */
import os from 'node:os'
import type { LoadSample } from '../model/hardware.ts'
import type { Clock } from '../util/clock.ts'
import { type Cgroups, findCgroups, readCgroupMemoryAvailable, readQuotaUsage } from './cgroup.ts'
import { type FileTree, fileTree } from './file-tree.ts'
import { type CpuTicks, parseLoadAverage, parseMeminfo, parseProcStat } from './proc.ts'

/** How to sample, and whom to tell. */
export interface SamplerOptions {
  readonly clock: Clock
  /** Between samples, ms. Shorter follows load more closely and costs as much more. @default 5000 */
  readonly intervalMs?: number
  /** Called after each sample. */
  readonly onSample?: (sample: LoadSample) => void
  /** For tests: where /proc and /sys are found. @default the tree at `/`, on Linux */
  readonly tree?: FileTree
}

export interface Sampler {
  /** Takes a first sample and goes on taking them. Does not keep the process alive. Starting twice is starting once. */
  start(): void
  stop(): void
  /** The latest sample; taken now when there is none yet. */
  sample(): LoadSample
}

/** What a ratio is computed from: the difference of two of these. */
interface Reading {
  readonly atMs: number
  readonly ticks: CpuTicks | undefined
  readonly quota: ReturnType<typeof readQuotaUsage>
}

/** A sampler of this machine's load. It does nothing until it is started or asked. */
export function createSampler({ clock, intervalMs = 5000, onSample, tree: given }: SamplerOptions): Sampler {
  const tree = given ?? (process.platform === 'linux' ? fileTree() : undefined)
  let cgroups: Cgroups | undefined
  let timer: NodeJS.Timeout | undefined
  let previous: Reading | undefined
  let latest: LoadSample | undefined

  const take = (): LoadSample => {
    // Where the process stands is looked up once: a daemon is not moved between cgroups.
    cgroups ??= tree === undefined ? {} : findCgroups(tree)
    const reading: Reading = {
      atMs: clock.nowMs(),
      ticks: readTicks(tree),
      quota: tree && readQuotaUsage(tree, cgroups),
    }
    const loadAverage1m = (tree && parseLoadAverage(tree.read('/proc/loadavg') ?? '')) ?? os.loadavg()[0] ?? 0
    const ratio = previous && busyRatio(previous, reading)
    // Too soon after the last for the kernel's clock to have ticked: the last ratio still stands.
    const kept = ratio === undefined && latest !== undefined
    latest = {
      atMs: reading.atMs,
      intervalMs: kept ? latest!.intervalMs : ratio === undefined ? 0 : reading.atMs - previous!.atMs,
      cpuRatio: rounded(kept ? latest!.cpuRatio : (ratio ?? loadAverage1m / Math.max(1, os.cpus().length))),
      memoryAvailableBytes: readMemoryAvailable(tree, cgroups),
      loadAverage1m,
    }
    if (!kept) previous = reading
    return latest
  }

  return {
    start() {
      if (timer !== undefined) return
      const tick = (): void => {
        const sample = take()
        onSample?.(sample)
      }
      timer = setInterval(tick, intervalMs).unref()
      tick()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
      // A pause is no interval: what the machine did meanwhile is nobody's present load.
      previous = undefined
      latest = undefined
    },
    sample: () => latest ?? take(),
  }
}

/** Share of the machine that was busy, or of the tightest quota that was used up, whichever is more. */
function busyRatio(from: Reading, to: Reading): number | undefined {
  const ratios: number[] = []
  if (from.ticks !== undefined && to.ticks !== undefined && to.ticks.total > from.ticks.total) {
    ratios.push((to.ticks.busy - from.ticks.busy) / (to.ticks.total - from.ticks.total))
  }
  // A quota that has just been changed is measured from the next reading on.
  if (from.quota !== undefined && from.quota.limitMilli === to.quota?.limitMilli && to.atMs > from.atMs) {
    ratios.push((to.quota.usedUs - from.quota.usedUs) / ((to.atMs - from.atMs) * to.quota.limitMilli))
  }
  return ratios.length === 0 ? undefined : Math.max(...ratios)
}

function readTicks(tree: FileTree | undefined): CpuTicks | undefined {
  return (tree && parseProcStat(tree.read('/proc/stat') ?? '')) ?? ticksByNode()
}

/** The same sums from Node, in milliseconds, which makes no difference to a ratio. */
function ticksByNode(): CpuTicks | undefined {
  let busy = 0
  let idle = 0
  for (const { times } of os.cpus()) {
    busy += times.user + times.nice + times.sys + times.irq
    idle += times.idle
  }
  return busy + idle === 0 ? undefined : { busy, total: busy + idle }
}

function readMemoryAvailable(tree: FileTree | undefined, cgroups: Cgroups): number {
  const ofMachine = tree && parseMeminfo(tree.read('/proc/meminfo') ?? '').get('MemAvailable')
  const ofCgroups = tree && readCgroupMemoryAvailable(tree, cgroups)
  return Math.min(ofMachine ?? process.availableMemory(), ofCgroups ?? Infinity)
}

/** Three digits are more than any choice by load needs; and the result is a ratio whatever the kernel said. */
function rounded(ratio: number): number {
  return Math.round(Math.min(1, Math.max(0, ratio)) * 1000) / 1000
}
