/** What a machine offers to tasks: its hardware, less what limits the daemon and what the system itself needs. */
import type { HardwareSummary } from '../model/hardware.ts'
import type { Resources } from '../model/resources.ts'

/** Kept from tasks for the kernel, other programs and this daemon, unless told otherwise. */
export const MEMORY_RESERVE = {
  /** About what a small Linux system and a daemon hold: 90 MiB the daemon, the rest kernel and services. */
  leastBytes: 256 * 1024 * 1024,
  /** Of the memory, where that is more: what Kubernetes distributions keep back of a large node is of this order. */
  ratio: 0.05,
} as const

export interface AllocatableOptions {
  /** Memory kept from tasks. @default the greater of 256 MiB and 5 % of the memory */
  readonly memoryReserveBytes?: number
}

/** The sum of all reservations never exceeds this. Nothing is negative: a machine that is too small offers none. */
export function allocatable(hardware: HardwareSummary, options: AllocatableOptions = {}): Resources {
  const { cpu, memory } = hardware
  const memoryBytes = Math.min(memory.totalBytes, memory.limitBytes ?? Infinity)
  const reserveBytes =
    options.memoryReserveBytes ?? Math.max(MEMORY_RESERVE.leastBytes, Math.ceil(memoryBytes * MEMORY_RESERVE.ratio))
  return {
    cpuMilli: Math.min(cpu.logicalCores * 1000, cpu.limitMilli ?? Infinity),
    memoryBytes: Math.max(0, memoryBytes - reserveBytes),
  }
}
