/** The addresses of a machine change while its daemon runs: it listens at the new ones, says so, and is found again. */
import assert from 'node:assert/strict'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import { eventually, startDaemon, type TestDaemon } from '../support/daemon.ts'
import type { NetnsNode } from '../support/netns.ts'
import { netnsLab } from '../support/netns-lab.ts'

/** An address beyond those the nodes are given. */
const NEW_IP = '10.77.0.200'

const addressesOf = async (daemon: TestDaemon) => (await daemon.get<StatusView>('/v1/status')).addresses

/** What one daemon knows of the other, once a link between the two stands. */
const untilLinked = (daemon: TestDaemon, name: string, isNew: (node: NodeView) => boolean = () => true) =>
  eventually(
    `${daemon.name} to be linked with ${name}`,
    async () => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return nodes.find((node) => node.name === name && node.connected && isNew(node))
    },
    20_000,
  )

describe('a daemon whose machine changes its addresses', function () {
  this.timeout(120_000)
  const lab = netnsLab(['left', 'right'])
  let left: NetnsNode
  let right: NetnsNode
  beforeEach(() => {
    ;[left, right] = lab.nodes as [NetnsNode, NetnsNode]
  })

  const start = (node: NetnsNode, mdns: boolean, join: string[] = []) =>
    startDaemon({ name: node.name, mdns, join, spawn: (...args) => node.spawn(...args) })

  it('listens at the new address, tells it, and is linked again; both ways', async () => {
    const first = await start(left, false)
    const address = first.status.addresses.find((text) => text.includes(`/${left.ip}/`))!
    const second = await start(right, false, [address])
    await untilLinked(first, 'right')
    await right.exec('sh', [
      '-c',
      `ip addr del ${right.ip}/24 dev eth0; ip addr add ${NEW_IP}/24 dev eth0; ip route add default dev eth0`,
    ])
    const changed = (node: NodeView) => node.addresses.some((text) => text.includes(`/${NEW_IP}/`))
    const seen = await untilLinked(first, 'right', changed)
    assert.ok(!seen.addresses.some((text) => text.includes(`/${right.ip}/`)), seen.addresses.join(' '))
    await untilLinked(second, 'left')
    const { code, stdout, stderr } = await second.cli('run', '--', 'echo', 'still here')
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'still here\n')
  })

  it('that starts without a network finds the others by mDNS once there is one', async () => {
    await right.exec('ip', ['addr', 'flush', 'dev', 'eth0'])
    const second = await start(right, true)
    assert.ok(!second.status.addresses.some((text) => text.includes('10.77.')), second.status.addresses.join(' '))
    const first = await start(left, true)
    await right.exec('sh', ['-c', `ip addr add ${NEW_IP}/24 dev eth0; ip route add default dev eth0`])
    await untilLinked(first, 'right')
    await untilLinked(second, 'left')
    assert.ok((await addressesOf(second)).some((text) => text.includes(`/${NEW_IP}/`)))
  })

  it('drops what it listened on and takes it up again when the address comes back', async () => {
    const daemon = await start(left, false)
    const before = await addressesOf(daemon)
    await left.exec('ip', ['addr', 'del', `${left.ip}/24`, 'dev', 'eth0'])
    await eventually('the address to be gone', async () =>
      (await addressesOf(daemon)).every((text) => !text.includes(`/${left.ip}/`)),
    )
    await left.exec('ip', ['addr', 'add', `${left.ip}/24`, 'dev', 'eth0'])
    await eventually('the address to be back', async () =>
      (await addressesOf(daemon)).some((text) => text.includes(`/${left.ip}/`)),
    )
    assert.equal((await addressesOf(daemon)).length, before.length)
  })
})
