/**
 * A node's hardware, read from its passport. The API leaves it free, so that a machine may say more
 * than this page knows; what is missing or of another shape is not shown.
 */
import type { HardwareSummary } from '../../src/model/hardware.ts'

type Loose<T> = T extends readonly (infer E)[]
  ? readonly Loose<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Loose<T[K]> | undefined }
    : T

/** The summary with every field possibly missing. */
export type LooseHardware = Loose<HardwareSummary>

/** The summary, or nothing when it is none. */
export function hardwareOf(value: unknown): LooseHardware | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}
