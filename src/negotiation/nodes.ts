/** What bargaining goes by: nodes as others know them, and as they know themselves. */
import type { CordonView } from '../model/cordon.ts'
import type { IsolationState } from '../model/isolation.ts'
import type { NodeId } from '../model/negotiation.ts'
import type { Resources } from '../model/resources.ts'

/** What the submitter knows of a node before it asks. */
export interface Candidate {
  readonly id: NodeId
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly alive: boolean
  /** It takes no new tasks. */
  readonly cordon?: CordonView | undefined
  readonly drivers: readonly string[]
  /** What tasks can be isolated by there. */
  readonly isolation?: string | undefined
  readonly capacity: Resources
  readonly free: Resources
  readonly cpuRatio: number
  readonly running: number
}

/** What this node knows of itself when it is asked. */
export interface LocalNode {
  readonly labels: Readonly<Record<string, string>>
  readonly capacity: Resources
  readonly drivers: readonly string[]
  /** False while joining or leaving: declines with constraint `state`. */
  readonly accepting: boolean
  readonly stateName: string
  /** Peers whose tasks run here; everyone's when `open`. The node itself is always trusted. */
  readonly trusted: ReadonlySet<NodeId>
  readonly open: boolean
  /** In a cluster with a roster: whose this node is, whose the others are, and whether that was confirmed lately. */
  readonly roster?: {
    /** Members of other owners who may submit: their tasks run here isolated, or not at all. */
    readonly guests: ReadonlySet<NodeId>
    readonly owner: string | undefined
    readonly owners: ReadonlyMap<NodeId, string>
    readonly fresh: boolean
  }
  /** Last load sample. */
  readonly cpuRatio: number
  readonly memoryAvailableBytes: number
  /** Can a memory or CPU ceiling be held here at all? */
  readonly holdsCpuLimit: boolean
  readonly holdsMemoryLimit: boolean
  /** Can tasks be isolated here? Absent: never. */
  readonly isolation?: IsolationState
  /** sha256 of the bundles that are here already. */
  readonly warmBundles: ReadonlySet<string>
}
