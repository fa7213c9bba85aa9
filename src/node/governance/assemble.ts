/** Puts the governance of a daemon together: what decides who may link, and the door for those who may not yet. */
import type { MeshInput } from '../../mesh/types.ts'
import type { Peer } from '../../peer/peer.ts'
import type { Store } from '../../store/store.ts'
import type { Clock } from '../../util/clock.ts'
import type { Logger } from '../../util/logger.ts'
import type { Rng } from '../../util/rng.ts'
import type { StatementSigner } from '../../wire/statement.ts'
import type { EventHub } from '../events.ts'
import type { MeshLoop } from '../loop.ts'
import { toFrame, type Sealer } from '../messages.ts'
import { porchAddresses, porchPort } from '../network.ts'
import type { DaemonOptions } from '../options.ts'
import { loadCluster } from './cluster-store.ts'
import { Governor } from './governor.ts'
import { GovernanceJournal } from './journal.ts'
import { PorchKeeper } from './porch.ts'

/** What it is made from. Functions give what is made later than this. */
export interface Surroundings {
  readonly options: DaemonOptions
  readonly seed: Uint8Array
  readonly signer: StatementSigner
  readonly store: Store
  readonly clock: Clock
  readonly rng: Rng
  readonly events: EventHub
  readonly log: Logger
  /** See `MembershipOptions.guestsOnly`. */
  readonly guestsOnly: boolean
  readonly loop: () => MeshLoop
  readonly peer: () => Peer
  readonly sealer: () => Sealer
  readonly input: (input: MeshInput) => void
  /** Tells the mesh again whose tasks run here. */
  readonly refresh: () => void
  /** Takes up what the admins of the cluster decided. */
  readonly adopt: () => void
}

/** Reads what is stored and builds both. Nothing is started. @throws AlthingError `damaged-genesis` */
export function assembleGovernance(around: Surroundings): { readonly governor: Governor; readonly porch: PorchKeeper } {
  const { options, seed, signer, store, clock, rng, events, log, guestsOnly, loop, peer, sealer, input } = around
  const { refresh, adopt } = around
  const governor = new Governor({
    stored: loadCluster(store, log),
    signer,
    guestsOnly,
    journal: new GovernanceJournal({ loop, clock }),
    clock,
    log: log.child({ component: 'governance' }),
    send: (to, message) => {
      // What a broken link loses, anti-entropy makes up for.
      if (peer().link(to) !== undefined)
        peer()
          .send(to, toFrame(message, sealer()))
          .catch(() => {})
    },
    onRoster: (left) => {
      for (const node of left) {
        peer().expel(node)
        input({ type: 'expel', peer: node })
      }
      refresh()
    },
    onDecision: adopt,
    tell: (what, subject) => events.emit({ atMs: clock.wallMs(), type: 'governance', subject, what }),
    pick: (peers) => rng.pick(peers),
  })
  const porch = new PorchKeeper({
    seed,
    allowPublic: options.publicNetwork ?? false,
    governor,
    listen: (port) => porchAddresses(options, port),
    port: () => porchPort(peer().addresses()),
    meshAddresses: () => peer().addresses(),
    nowMs: () => clock.wallMs(),
    log: log.child({ component: 'porch' }),
  })
  return { governor, porch }
}
