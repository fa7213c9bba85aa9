/** Whole daemons on two machines of their own: found by mDNS alone, and by a bootstrap address alone. */
import assert from 'node:assert/strict'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import { eventually, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { netnsLab } from '../support/netns-lab.ts'

async function untilBothKnow(daemons: readonly TestDaemon[]): Promise<void> {
  for (const daemon of daemons) {
    await eventually(
      `${daemon.name} to know both`,
      async () => {
        const nodes = await daemon.get<NodeView[]>('/v1/nodes')
        return nodes.filter(({ state }) => state === 'ready' || state === 'busy').length === 2
      },
      30_000,
    )
  }
}

describe('two daemons in two network namespaces', function () {
  this.timeout(90_000)
  const lab = netnsLab(['left', 'right'])

  it('find each other by mDNS alone, and run a task across', async () => {
    const daemons = await Promise.all(
      lab.nodes.map((node, i) =>
        startDaemon({
          name: node.name,
          mdns: true,
          spawn: (...args) => node.spawn(...args),
          args: i === 0 ? ['--cpu', '0'] : [],
        }),
      ),
    )
    await untilBothKnow(daemons)
    const { code, stdout, stderr } = await daemons[0]!.cli('run', '--', 'echo', 'across')
    assert.equal(code, 0, stderr)
    assert.equal(stdout, 'across\n')
    const [task] = await daemons[0]!.get<TaskView[]>('/v1/tasks?all=true')
    assert.equal(task!.nodeName, 'right')
  })

  it('find each other by a bootstrap address alone', async () => {
    const [left, right] = lab.nodes
    const first = await startDaemon({ name: 'left', mdns: false, spawn: (...args) => left!.spawn(...args) })
    const address = first.status.addresses.find((text) => text.includes(left!.ip))
    assert.ok(address, `listens on ${left!.ip}: ${first.status.addresses.join(' ')}`)
    const second = await startDaemon({
      name: 'right',
      mdns: false,
      join: [address],
      spawn: (...args) => right!.spawn(...args),
    })
    await untilBothKnow([first, second])
  })
})
