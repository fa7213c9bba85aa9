/**
 * What a task asks of a machine and what a machine has to give.
 *
 * CPU is counted in thousandths of a core (Kubernetes' `m`), memory in bytes, so that every
 * reservation is exact integer arithmetic: no rounding can let two tasks share one slice.
 */
import * as z from 'zod'

/** 2^53-1 is the largest integer the canonical codec carries; nothing physical comes near it. */
const amount = z.int().min(0)

/** An amount of CPU and memory: a request, a reservation, a capacity or what is left of one. */
export const Resources = z.strictObject({
  /** Thousandths of one logical core. */
  cpuMilli: amount,
  memoryBytes: amount,
})
export type Resources = z.infer<typeof Resources>

export const NO_RESOURCES: Resources = Object.freeze({ cpuMilli: 0, memoryBytes: 0 })

/** `a + b`, term by term. */
export function addResources(a: Resources, b: Resources): Resources {
  return { cpuMilli: a.cpuMilli + b.cpuMilli, memoryBytes: a.memoryBytes + b.memoryBytes }
}

/** `a − b`, floored at zero: what is left when `b` is taken out of `a`. */
export function subtractResources(a: Resources, b: Resources): Resources {
  return {
    cpuMilli: Math.max(0, a.cpuMilli - b.cpuMilli),
    memoryBytes: Math.max(0, a.memoryBytes - b.memoryBytes),
  }
}

/** `a × times`. */
export function scaleResources(a: Resources, times: number): Resources {
  return { cpuMilli: a.cpuMilli * times, memoryBytes: a.memoryBytes * times }
}

/** How many whole copies of `each` fit into `free`; at most `limit`. A request of nothing fits `limit` times. */
export function countFitting(free: Resources, each: Resources, limit: number): number {
  const byCpu = each.cpuMilli === 0 ? limit : Math.floor(free.cpuMilli / each.cpuMilli)
  const byMemory = each.memoryBytes === 0 ? limit : Math.floor(free.memoryBytes / each.memoryBytes)
  return Math.max(0, Math.min(limit, byCpu, byMemory))
}
