import assert from 'node:assert/strict'
import { LinkBudget } from '../../../src/node/link-budget.ts'
import { createWards } from '../../../src/mesh/wards/state.ts'
import { createNegotiation } from '../../../src/negotiation/state.ts'
import { createTopology } from '../../../src/topology/state.ts'
import type { Watch } from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { eventually, link, PeerPark, type TestPeer } from '../../support/peers.ts'

/** What a daemon would have around its budget; `asked` gets whom it asks. */
function budgetOf({ peer }: TestPeer, mostLinks: number) {
  const mesh = { topology: createTopology(peer.id), negotiation: createNegotiation(), wards: createWards() }
  const asked: string[] = []
  const budget = new LinkBudget({
    peer: () => peer,
    mesh,
    rng: seededRng(1),
    ask: (to) => void asked.push(to),
    mostLinks: () => mostLinks,
  })
  return { budget, mesh, asked }
}

const watch = (subject: string) => ({ subject }) as Watch

describe('node: the number of links', () => {
  const park = new PeerPark()
  afterEach(() => park.stopAll())

  /** A hub by which so many others joined, named to them as it is by `--join`. */
  async function star(count: number) {
    const hub = await park.start()
    const bootstrap = [hub.peer.addresses()[0]!]
    const others = await Promise.all(Array.from({ length: count }, () => park.start({ bootstrap })))
    await eventually(() => hub.peer.peers().length === count, 'all joined')
    return { hub, others }
  }

  it('is brought down by asking those who are not needed, and no others', async () => {
    const { hub, others } = await star(7)
    const { budget, mesh, asked } = budgetOf(hub, 4)
    const [watched, served] = others
    mesh.topology.watches.set(watched!.peer.id, watch(watched!.peer.id))
    mesh.negotiation.byExecutor.set(served!.peer.id, new Set(['run']))
    budget.look()
    assert.equal(new Set(asked).size, 3, 'as many as there are too many')
    assert.ok(!asked.includes(watched!.peer.id) && !asked.includes(served!.peer.id))
    asked.length = 0
    budgetOf(hub, 7).budget.look()
    assert.deepEqual(asked, [], 'nobody is asked within the budget')
  })

  it('goes by what the other end needs, and a link let go is not dialled again', async () => {
    const { hub, others } = await star(6)
    const [one, other] = others
    for (const more of others.slice(1)) await link(one!, more)
    const { budget, mesh } = budgetOf(one!, 32)
    mesh.topology.watches.set(hub.peer.id, watch(hub.peer.id))
    assert.equal(budget.onSpare(hub.peer.id), false, 'it watches the hub')
    mesh.topology.watches.clear()
    const hubs = { submitter: hub.peer.id } as never
    mesh.negotiation.contracts.set('run', hubs)
    assert.equal(budget.onSpare(hub.peer.id), false, 'it works for the hub')
    mesh.negotiation.contracts.clear()
    const before = one!.peer.stats()['control_links_opened_total']
    assert.equal(budget.onSpare(hub.peer.id), true)
    await hub.record.until(() => !hub.record.up.has(one!.peer.id), 'the hub has one link fewer')
    await eventually(() => !one!.peer.peers().includes(hub.peer.id), 'so has the other')
    // Its own address to join by would be dialled within 1.25 s.
    other!.peer.hangUp(hub.peer.id)
    await eventually(() => other!.peer.peers().includes(hub.peer.id), 'one that was lost is dialled again')
    assert.equal(one!.peer.stats()['control_links_opened_total'], before)
    assert.ok(!one!.peer.peers().includes(hub.peer.id))
  })

  it('is never brought below what gossip needs', async () => {
    const { hub, others } = await star(1)
    assert.equal(budgetOf(others[0]!, 32).budget.onSpare(hub.peer.id), false)
  })
})
