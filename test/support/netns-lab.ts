/** A little network for each test of a suite: see `netns.ts`. */
import { stopAll } from './daemon.ts'
import { createNetns, netnsUnavailable, type NetnsLab } from './netns.ts'
import { requireOrSkip } from './require.ts'

/** For nft: what comes in unasked is dropped, as by a stateful firewall or a router that translates addresses. */
export const ONE_WAY_DOOR = `table inet door { chain input { type filter hook input priority 0; policy drop;
  iif lo accept; ct state established,related accept; }; }`

/**
 * Makes the network before each test of the suite it is called in, and ends daemons and network after it; skips the
 * suite where there can be none.
 * @returns the nodes of the test that runs
 */
export function netnsLab(names: readonly string[]): Pick<NetnsLab, 'nodes'> {
  let lab: NetnsLab | undefined
  before(async function () {
    const reason = await netnsUnavailable()
    requireOrSkip(this, reason === undefined, reason ?? '')
  })
  beforeEach(async () => {
    lab = await createNetns(names)
  })
  afterEach(async () => {
    await stopAll()
    await lab?.close()
    lab = undefined
  })
  return {
    get nodes() {
      return lab!.nodes
    },
  }
}
