/** Machines behind one-way doors, which nobody can dial: they are reached by way of members that relay. */
import assert from 'node:assert/strict'
import type { NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import { eventually, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { createNetns, type NetnsNode } from '../support/netns.ts'
import { netnsLab, ONE_WAY_DOOR } from '../support/netns-lab.ts'
import { requireOrSkip } from '../support/require.ts'

/** As `ONE_WAY_DOOR`, and no dial comes in though one went out to there: no hole can be made in it. */
const DOOR = `table inet door { chain input { type filter hook input priority 0; policy drop;
  iif lo accept; tcp flags syn / syn,ack drop; ct state established,related accept; }; }`

const statusOf = (daemon: TestDaemon) => daemon.get<StatusView>('/v1/status')

const linkTo = async (daemon: TestDaemon, other: TestDaemon) =>
  (await statusOf(daemon)).links.find(({ peer }) => peer === other.status.peerId)

const untilLinked = (daemon: TestDaemon, other: TestDaemon, ms = 30_000) =>
  eventually(`${daemon.name} to be linked with ${other.name}`, () => linkTo(daemon, other), ms)

const untilKnows = (daemon: TestDaemon, count: number) =>
  eventually(
    `${daemon.name} to know ${count}`,
    async () => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return nodes.filter(({ state }) => state === 'ready' || state === 'busy').length === count
    },
    30_000,
  )

describe('daemons that cannot be dialled', function () {
  this.timeout(120_000)
  const lab = netnsLab(['relay', 'second', 'left', 'right'])

  before(async function () {
    const probe = await createNetns(['probe'])
    const fault = await probe.nodes[0]!.exec('nft', [DOOR]).then(
      () => undefined,
      (error: unknown) => String(error),
    )
    await probe.close()
    requireOrSkip(this, fault === undefined, `nft cannot follow connections here: ${fault}`)
  })

  const start = (at: number, join: TestDaemon[] = [], args: string[] = []) => startIn(lab.nodes[at]!, join, args)
  const startIn = (node: NetnsNode, join: TestDaemon[], args: string[] = []) => {
    const addresses = join.map(({ status }) => status.addresses.find((text) => text.includes('/10.77.'))!)
    const words = ['--label', `who=${node.name}`, ...args]
    return startDaemon({ name: node.name, join: addresses, args: words, spawn: (...said) => node.spawn(...said) })
  }
  const shut = (...at: number[]) => Promise.all(at.map((index) => lab.nodes[index]!.exec('nft', [DOOR])))

  it('find it out, are reached by way of members that relay, and by another when one goes', async () => {
    await shut(2, 3)
    const relay = await start(0)
    const second = await start(1, [relay])
    const left = await start(2, [relay, second], ['--cpu', '0'])
    const right = await start(3, [relay, second])
    await eventually('both relays to be held', async () => (await statusOf(right)).network.relays.length === 2, 30_000)
    const { network, addresses } = await statusOf(right)
    assert.equal(network.dialable, 'no')
    assert.deepEqual(network.seenAs, [lab.nodes[3]!.ip])
    assert.ok(addresses.some((text) => text.includes('/p2p-circuit/p2p/')))
    assert.match((await right.cli('status')).stdout, /dialable +no, reached by way of 2 relays/)
    await untilKnows(left, 4)
    const first = await untilLinked(left, right)
    assert.ok(first.relay !== undefined, `a direct link: ${first.address}`)
    const { code, stdout, stderr } = await left.cli('run', '-l', 'who=right', '--', 'echo', 'through')
    assert.deepEqual([code, stdout], [0, 'through\n'], stderr)

    const [gone, left2] = first.relay === relay.status.peerId ? [relay, second] : [second, relay]
    await gone.kill()
    const again = await eventually('another relay to carry on', async () => {
      const link = await linkTo(left, right)
      return link?.relay === left2.status.peerId && link
    })
    assert.ok(again.address.includes('/p2p-circuit/'))
    const run = await left.cli('run', '-l', 'who=right', '--', 'echo', 'still')
    assert.deepEqual([run.code, run.stdout], [0, 'still\n'], run.stderr)
    const [task] = await left.get<TaskView[]>('/v1/tasks?all=true')
    assert.equal(task!.nodeName, 'right')
  })

  it('dial whoever joined them by way of a relay: the link becomes a direct one', async () => {
    await shut(3)
    const relay = await start(0)
    const right = await start(3, [relay])
    const by = await eventually(
      'an address by way of the relay',
      async () => (await statusOf(right)).addresses.find((text) => text.includes('/p2p-circuit/')),
      30_000,
    )
    const left = await startDaemon({ name: 'left', join: [by], spawn: (...words) => lab.nodes[2]!.spawn(...words) })
    await untilLinked(left, right)
    const link = await eventually(
      'the direct link',
      async () => {
        const found = await linkTo(left, right)
        return found?.relay === undefined && found
      },
      30_000,
    )
    assert.equal(link.direction, 'inbound')
    assert.match(right.output(), /no relay is needed any more/)
    assert.equal((await statusOf(left)).network.dialable, 'yes')
  })

  it('make holes in their doors at one time, where these let them', async () => {
    await Promise.all([2, 3].map((at) => lab.nodes[at]!.exec('nft', [ONE_WAY_DOOR])))
    const relay = await start(0)
    const left = await start(2, [relay], ['--cpu', '0'])
    const right = await start(3, [relay])
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      await eventually(
        `${one.name} to have a direct link`,
        async () => {
          const link = await linkTo(one, other)
          return link !== undefined && link.relay === undefined
        },
        45_000,
      )
    }
    assert.match(left.output() + right.output(), /a hole was made/)
    assert.equal((await statusOf(left)).network.dialable, 'no')
    await relay.kill()
    const { code, stdout, stderr } = await left.cli('run', '-l', 'who=right', '--', 'echo', 'alone')
    assert.deepEqual([code, stdout], [0, 'alone\n'], stderr)
  })

  it('do the same through routers that translate their addresses, of which both have the same', async () => {
    const relay = await start(0)
    const left = await startIn(await lab.nodes[2]!.behind('left'), [relay], ['--cpu', '0'])
    const right = await startIn(await lab.nodes[3]!.behind('right'), [relay])
    const { network, addresses } = await eventually(
      'it to be found out',
      async () => {
        const status = await statusOf(right)
        return status.network.relays.length === 1 && status.network.seenAs.length > 0 && status
      },
      30_000,
    )
    assert.deepEqual([network.dialable, network.seenAs], ['no', [lab.nodes[3]!.ip]])
    assert.ok(addresses.some((text) => text.startsWith('/ip4/192.168.77.2/')))
    const link = await eventually(
      'the direct link',
      async () => {
        const found = await linkTo(left, right)
        return found !== undefined && found.relay === undefined && found
      },
      45_000,
    )
    assert.equal(link.direction, 'both')
    const { code, stdout, stderr } = await left.cli('run', '-l', 'who=right', '--', 'echo', 'translated')
    assert.deepEqual([code, stdout], [0, 'translated\n'], stderr)
  })

  it('stay alone when nobody relays', async () => {
    await shut(3)
    const relay = await start(0, [], ['--no-relay'])
    const right = await start(3, [relay])
    await eventually('it to be found out', async () => (await statusOf(right)).network.dialable === 'no', 30_000)
    assert.deepEqual((await statusOf(right)).network.relays, [])
    assert.equal((await statusOf(relay)).network.relaysFor, 0)
  })
})
