/** The clusters that one daemon is in, as its local API lists them. */
import * as z from 'zod'
import { CordonView } from './cordon.ts'
import { StatementHash } from './governance.ts'
import { NodeState } from './heartbeat.ts'
import { Resources } from './resources.ts'

/** One of them. */
export const ClusterPlaceView = z.strictObject({
  /** How it is called on this machine: for `--in`, and in `/clusters/NAME/…`. */
  name: z.string(),
  /** The daemon's first, which is meant where none is named. */
  first: z.boolean(),
  /** Of its genesis; absent where there is none. */
  id: StatementHash.optional(),
  /** Why this daemon takes no part in it at present; all below is absent then. */
  problem: z.string().optional(),
  /** This machine's name in it: each cluster knows it by another key. */
  peerId: z.string().optional(),
  state: NodeState.optional(),
  /** That it takes no new tasks of this cluster, and why. */
  cordon: CordonView.optional(),
  /** Nodes that are up, this one included. */
  nodes: z.int().optional(),
  /** Tasks of it that are here. */
  running: z.int().optional(),
  /** What it has reserved of this machine. */
  reserved: Resources.optional(),
  /** What its admins decided for a network of clusters: where the hash is the same, they agreed. */
  networkPolicy: z.strictObject({ name: z.string(), sha256: z.string() }).optional(),
})
/** As the schema says. */
export type ClusterPlaceView = z.infer<typeof ClusterPlaceView>
