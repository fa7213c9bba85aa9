/** `althing doctor` between two machines that nobody can dial: they reach each other through a relay only. */
import assert from 'node:assert/strict'
import type { StatusView } from '../../src/model/api.ts'
import type { DoctorStep, ReachabilityView } from '../../src/model/doctor.ts'
import { eventually, startDaemon, type TestDaemon } from '../support/daemon.ts'
import type { NetnsNode } from '../support/netns.ts'
import { netnsLab, ONE_WAY_DOOR } from '../support/netns-lab.ts'
import { requireOrSkip } from '../support/require.ts'

describe('e2e: doctor and a relay', function () {
  this.timeout(120_000)
  const lab = netnsLab(['relay', 'left', 'right'])

  beforeEach(async function () {
    const shut = await Promise.all([1, 2].map((at) => lab.nodes[at]!.exec('nft', [ONE_WAY_DOOR]))).catch(
      () => undefined,
    )
    requireOrSkip(this, shut !== undefined, 'nft cannot follow connections here')
  })

  const start = (at: number, join: TestDaemon[] = []): Promise<TestDaemon> => {
    const node = lab.nodes[at] as NetnsNode
    const addresses = join.map(({ status }) => status.addresses.find((text) => text.includes('/10.77.'))!)
    return startDaemon({ name: node.name, join: addresses, spawn: (...said) => node.spawn(...said) })
  }

  it('relay only is what is named, and the matrix shows it', async () => {
    const relay = await start(0)
    const left = await start(1, [relay])
    const right = await start(2, [relay])
    const isRelayed = async (): Promise<boolean> =>
      (await left.get<StatusView>('/v1/status')).links.some(
        (link) => link.peer === right.status.peerId && link.relay !== undefined,
      )
    await eventually('a relayed link', isRelayed, 60_000)
    const { code, stdout } = await left.cli('doctor', 'right', '--json')
    const { steps } = JSON.parse(stdout) as { steps: DoctorStep[] }
    const broken = steps.filter(({ outcome }) => outcome === 'broken')
    assert.deepEqual([code, broken.map(({ id }) => id)], [1, ['path']], stdout)
    assert.match(broken[0]!.found, /^relay only: all goes through relay, round trip /)
    assert.equal(broken[0]!.measured['relay'], relay.status.peerId)
    const { rows } = JSON.parse((await left.cli('doctor', '--matrix', '--json')).stdout) as ReachabilityView
    const wayTo = (peerId: string) => rows[0]!.cells.find((cell) => cell.peerId === peerId)?.way
    assert.deepEqual([wayTo(relay.status.peerId), wayTo(right.status.peerId)], ['direct', 'relayed'])
  })

  it('this host is told that nobody can dial it', async () => {
    const relay = await start(0)
    const left = await start(1, [relay])
    const isFound = async (): Promise<boolean> => (await left.get<StatusView>('/v1/status')).network.dialable === 'no'
    await eventually('it to be found out', isFound, 60_000)
    const { stdout } = await left.cli('doctor', '--json')
    const { steps } = JSON.parse(stdout) as { steps: DoctorStep[] }
    const addresses = steps.find(({ id }) => id === 'addresses')!
    assert.equal(addresses.outcome, 'warning', stdout)
    assert.match(addresses.found, /neighbours cannot dial it/)
  })
})
