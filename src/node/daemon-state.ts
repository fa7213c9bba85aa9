/** What the parts of a membership share: built once by `membership.ts`, handed to those who serve it. */
import type { TaskDriver } from '../drivers/driver.ts'
import type { MeshState } from '../mesh/types.ts'
import type { Passport } from '../model/passport.ts'
import type { Peer } from '../peer/peer.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import type { StatementSigner } from '../wire/statement.ts'
import type { Rng } from '../util/rng.ts'
import type { AuditParts } from './audit/parts.ts'
import type { Clusters, Machine } from './clusters/machine.ts'
import type { BundleStore } from './bundle-store.ts'
import type { Examiner } from './doctor/examiner.ts'
import type { EventHub } from './events.ts'
import type { Governor } from './governance/governor.ts'
import type { PorchKeeper } from './governance/porch.ts'
import type { Inbound } from './inbound.ts'
import type { LinkSpeeds } from './link-speeds.ts'
import type { MeshLoop } from './loop.ts'
import type { DaemonOptions } from './options.ts'
import type { NodePolicy } from './node-policy.ts'
import type { Policies } from './policies.ts'
import type { Quotes } from './quotes.ts'
import type { RemoteOperations } from './remote-operations.ts'
import type { Settings } from './settings.ts'
import type { TrialWatch } from './governance/trial-watch.ts'
import type { Probes } from './probes.ts'
import type { KeptRuns } from './runs.ts'
import type { WardQueries } from './ward-queries.ts'

/** The parts, by name. */
export interface DaemonParts {
  readonly machine: Machine
  readonly clusters: Clusters
  readonly options: DaemonOptions
  readonly name: string
  readonly cluster: string
  readonly version: string
  readonly log: Logger
  readonly clock: Clock
  /** For ids: seeded by the system's randomness. */
  readonly rng: Rng
  readonly store: Store
  readonly audit: AuditParts
  readonly driver: TaskDriver
  readonly bundles: BundleStore
  readonly keptRuns: KeptRuns
  readonly events: EventHub
  readonly mesh: MeshState
  readonly loop: MeshLoop
  readonly peer: Peer
  readonly inbound: Inbound
  readonly probes: Probes
  readonly governor: Governor
  readonly porch: PorchKeeper
  /** This node's key, for what is signed as a statement, and for the porch. */
  readonly seed: Uint8Array
  readonly signer: StatementSigner
  readonly examiner: Examiner
  /** The policy of this machine, in all its clusters. */
  readonly nodePolicy: NodePolicy
  readonly policies: Policies
  readonly quotes: Quotes
  readonly remoteOperations: RemoteOperations
  readonly settings: Settings
  readonly trialWatch: TrialWatch
  /** How fast bundles go, by peer. */
  readonly speeds: LinkSpeeds
  /** Asks other wards of a large mesh. */
  readonly wardQueries: WardQueries
  /** Peers whose tasks run here, this node's own id aside. */
  readonly trusted: Set<string>
  /** Passports published beside the machine's own, by record name. */
  readonly extraPassports: Map<string, Passport>
  /** Tells the mesh again what this node is: after a change of trust, labels or passports. */
  readonly refresh: () => void
  /** Does something in a moment, or when the membership is stopped before that. */
  readonly soon: (ms: number, act: () => void) => void
  /** Starts all of it again in the same process: in another cluster, or with another key. */
  readonly restart: () => void
}
