/** The body of `GET /v1/topology`: where everybody is, as this daemon sees it. */
import * as z from 'zod'
import { NodeState } from './api.ts'

/** The zone or region of a node. `inferred`: by distance. The name of one that no label names begins with `~`. */
export const DomainView = z.strictObject({ name: z.string(), inferred: z.boolean() })
export type DomainView = z.infer<typeof DomainView>

const LinkSpeedView = z.strictObject({
  /** Of one transfer, smoothed over those that were large enough. */
  bytesPerSecond: z.number(),
  /** Since the last of them. */
  ageMs: z.int(),
})

/** One node. */
export const PlaceView = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** This daemon itself. */
  self: z.boolean(),
  state: NodeState,
  /** By its labels, or inferred from distances; absent while nothing is known. */
  zone: DomainView.optional(),
  region: DomainView.optional(),
  /** The usual round trip from this daemon to it. */
  rtt: z
    .strictObject({
      ms: z.number(),
      source: z.enum(['measured', 'estimated']),
      /** Of an estimate: by what share it may be wrong. */
      error: z.number().optional(),
    })
    .optional(),
  /** What came from it, and what went to it. Only where bundles were transferred. */
  receive: LinkSpeedView.optional(),
  send: LinkSpeedView.optional(),
  /** Its network coordinate, milliseconds; absent while it does not know it. */
  coordinate: z.strictObject({ at: z.array(z.number()), height: z.number(), error: z.number() }).optional(),
})
export type PlaceView = z.infer<typeof PlaceView>

/** `GET /v1/topology`. */
export const TopologyView = z.strictObject({ nodes: z.array(PlaceView) })
export type TopologyView = z.infer<typeof TopologyView>
