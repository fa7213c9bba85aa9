/** What the local API says of wards. */
import * as z from 'zod'
import { NodeView } from './api.ts'
import { Resources } from './resources.ts'

/** One ward as its digest has it, or as it is known here. */
const WardView = z.strictObject({
  ward: z.string(),
  /** The one this node is in. */
  own: z.boolean(),
  members: z.int(),
  ready: z.int(),
  free: Resources,
  drivers: z.array(z.string()),
  /** Of its newest digest. */
  ageMs: z.int(),
  /** None of its contacts has answered lately. */
  silent: z.boolean(),
})

/** `GET /v1/wards`: which part of a large mesh this node is in, and what the others say of theirs. */
export const WardsView = z.strictObject({
  /** `/` for the whole mesh. */
  ward: z.string(),
  /** On the way there. */
  movingTo: z.string().optional(),
  /** By name. None as long as the mesh is one. */
  wards: z.array(WardView),
})
export type WardsView = z.infer<typeof WardsView>

/** `GET /v1/wards/nodes`: the nodes of one ward. `partly`: there are more than could be told. */
export const WardNodesView = z.strictObject({
  ward: z.string(),
  told: z.enum(['all', 'partly', 'silent']),
  nodes: z.array(NodeView),
})
export type WardNodesView = z.infer<typeof WardNodesView>
