/** The heartbeat: the small signed record by which a daemon says, every few seconds, that it is there. */
import * as z from 'zod'
import { AuditHead } from './audit-exchange.ts'
import { Coordinate } from './coordinate.ts'
import { Resources } from './resources.ts'

/** What a daemon says of itself. `offline`: it is leaving in good order and will not beat again. */
export const NODE_STATES = ['joining', 'ready', 'busy', 'offline'] as const
/** Any of `NODE_STATES`. */
export const NodeState = z.enum(NODE_STATES)
export type NodeState = z.infer<typeof NodeState>

/**
 * The longest interval a daemon may promise: that of the largest mesh there can be, 20,000 members at four heartbeats
 * a second. Its lease is three of these: this bounds how long the dead look alive to those whom no watcher told.
 */
export const MAX_HEARTBEAT_INTERVAL_MS = 5_000_000

export const Heartbeat = z.strictObject({
  state: NodeState,
  /** Raised each time its author hears that others miss it: with the boot epoch, what refutes them. */
  incarnation: z
    .int()
    .min(0)
    .max(2 ** 48 - 1),
  /** Until the next beat, at most. */
  intervalMs: z.int().min(1).max(MAX_HEARTBEAT_INTERVAL_MS),
  /** Since the daemon started. */
  uptimeMs: z.int().min(0),
  /** Share of the machine's CPU in use, 0 to 1. */
  cpuRatio: z.number().min(0).max(1),
  memoryAvailableBytes: z.int().min(0),
  /** Capacity not reserved by tasks or holds. */
  free: Resources,
  /** Tasks running. */
  tasks: z.int().min(0),
  /** The newest of its own passports: who lacks that one knows to ask. */
  passport: z.strictObject({ epoch: z.int().min(0), seq: z.int().min(0) }),
  /** Where it is in the network, as far as it has measured; absent from whoever does not place itself. */
  coordinate: Coordinate.optional(),
  /** Its audit log as far as it is safe on its disk; absent from whoever keeps none. */
  audit: AuditHead.optional(),
})
export type Heartbeat = z.infer<typeof Heartbeat>
