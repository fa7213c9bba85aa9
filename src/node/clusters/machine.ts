/** What all clusters of a daemon have in common: the machine they share, and the daemon itself. */
import type { StatusView } from '../../model/api.ts'
import type { MeshState } from '../../mesh/types.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import type { Founding } from '../../model/cluster-requests.ts'
import type { HardwareSummary } from '../../model/hardware.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Operations } from '../operations.ts'
import type { DaemonOptions } from '../options.ts'
import type { Broker } from './broker.ts'

/** One machine. */
export interface Machine {
  /** As the daemon was started: those of its first cluster. */
  readonly options: DaemonOptions
  readonly log: Logger
  readonly clock: Clock
  readonly hardware: HardwareSummary
  readonly broker: Broker
  /** Directories that no task may see. */
  readonly hidden: readonly string[]
  /** Ends the daemon. */
  readonly shutdown: () => void
  /** Where the page and the API listen, once they do. */
  urls: Pick<StatusView, 'pageUrl' | 'apiUrl' | 'apiShut'>
}

/** The clusters that a daemon is in, as its operations see them. */
export interface Clusters {
  /** What can be asked of one. @throws OperationError `not-found` */
  within(name: string): Operations
  views(): ClusterPlaceView[]
  /** The meshes of all of them. */
  meshes(): MeshState[]
  /** @throws OperationError `conflict` where one beside the first is called so */
  refuseName(name: string): void
  /** @throws OperationError `conflict` where the daemon is in this very cluster already */
  refuseCluster(id: string): void
  /** Their names, the first first. */
  names(): string[]
  /** Founds one beside those there are. @throws OperationError */
  found(request: Founding, how: Beside): Promise<MovedView>
  /** Joins one beside those there are. @throws OperationError */
  join(ticket: string, how: Beside): Promise<MovedView>
  /** Puts away one that does not run. @returns the others. @throws OperationError `not-found`, `conflict` */
  forget(name: string): Promise<ClusterPlaceView[]>
}

/** How a daemon is to be in a cluster beside others. */
export interface Beside {
  /** How it is called on this machine. @default its own name */
  readonly as?: string | undefined
  /** Tasks of its owner's other nodes there run as this machine's own. @default they are guests */
  readonly own?: boolean | undefined
}
