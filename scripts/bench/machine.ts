/** Which machine the figures are of: without it they say nothing. */
import { execFileSync } from 'node:child_process'
import os from 'node:os'

/** Load above which other work of the machine shows in the figures, as a share of its cores. */
const BUSY_SHARE = 0.3

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly date: string
  /** Load average of the last minute, before anything was measured. */
  readonly loadBefore: number
}

export function describeMachine(): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    loadBefore: Math.round(os.loadavg()[0]! * 100) / 100,
  }
}

/** True when others work on the machine so much that the figures are theirs too. */
export function isBusy({ loadBefore, cores }: Machine): boolean {
  return loadBefore > BUSY_SHARE * cores
}

/** The kernel's clock ticks a second, the unit of the CPU times in /proc. */
export function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100
  } catch {
    return 100
  }
}
