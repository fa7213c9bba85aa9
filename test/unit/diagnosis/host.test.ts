import assert from 'node:assert/strict'
import {
  judgeAddresses,
  judgeDaemon,
  judgeDataDirectory,
  judgeDisk,
  judgeLimits,
  judgeNeighbours,
  judgeProbePort,
  judgeStore,
  judgeTimeSync,
  type NeighbourFacts,
} from '../../../src/diagnosis/host.ts'
import { judgeMulticastBetween, judgeOwnMulticast, type MulticastPair } from '../../../src/diagnosis/multicast.ts'
import type { DoctorStep } from '../../../src/model/doctor.ts'

const barn: NeighbourFacts = { name: 'barn', cluster: 'home', isRelayed: false, rttMs: 0.5, byDatagram: true }

describe('diagnosis: a host', () => {
  /** What is wrong has a cause; what is well has none. */
  const outcomeOf = (step: DoctorStep): string => {
    const isWrong = step.outcome === 'warning' || step.outcome === 'broken'
    assert.equal(step.cause !== undefined, isWrong, JSON.stringify(step))
    return step.outcome
  }

  it('daemon: up, of another version, down, and down while somebody holds the data', () => {
    const up = { state: 'up', name: 'attic', pid: 7, version: '1', own: '1' } as const
    const down = { state: 'down', socketPath: '/run/a.sock', holder: undefined } as const
    assert.equal(outcomeOf(judgeDaemon(up)), 'ok')
    assert.equal(outcomeOf(judgeDaemon({ ...up, own: '2' })), 'warning')
    assert.match(judgeDaemon(down).found, /no daemon runs here \(tried \/run\/a\.sock\)/)
    assert.match(judgeDaemon({ ...down, holder: 9 }).found, /pid 9 holds/)
    assert.equal(outcomeOf(judgeDaemon({ state: 'unusable', why: 'hangs', fix: undefined })), 'broken')
  })

  it('data directory, disk and store', () => {
    assert.equal(outcomeOf(judgeDataDirectory({ path: '/d', fault: undefined, exists: true })), 'ok')
    assert.equal(outcomeOf(judgeDataDirectory({ path: '/d', fault: 'EACCES', exists: true })), 'broken')
    assert.deepEqual(
      [undefined, 1, 2 ** 29, 2 ** 40].map((free) => outcomeOf(judgeDisk('/d', free))),
      ['skipped', 'broken', 'warning', 'ok'],
    )
    assert.equal(outcomeOf(judgeStore(undefined)), 'ok')
    assert.equal(outcomeOf(judgeStore('the disk is full')), 'broken')
  })

  it('time: never set, kept, not kept, and not known', () => {
    const wallMs = Date.UTC(2026, 0, 1)
    assert.equal(outcomeOf(judgeTimeSync({ wallMs: 0, synchronised: true })), 'broken')
    assert.deepEqual(
      [true, false, undefined].map((synchronised) => outcomeOf(judgeTimeSync({ wallMs, synchronised }))),
      ['ok', 'warning', 'skipped'],
    )
  })

  it('addresses and limits', () => {
    const reached = { dialable: 'yes', relays: [] } as const
    const at = (text: string, isLoopback: boolean) => ({ text, isLoopback })
    assert.equal(outcomeOf(judgeAddresses([], reached)), 'broken')
    assert.equal(outcomeOf(judgeAddresses([at('/ip4/127.0.0.1/tcp/1', true)], reached)), 'warning')
    const outside = [at('/ip4/10.0.0.1/tcp/4100/p2p/x', false)]
    assert.equal(outcomeOf(judgeAddresses(outside, reached)), 'ok')
    const shut = judgeAddresses(outside, { dialable: 'no', relays: ['r'] })
    assert.equal(outcomeOf(shut), 'warning')
    assert.match(shut.found, /cannot dial it, and reached by way of 1 relays/)
    assert.ok(shut.fix.some((line) => line.includes('ufw allow 4100`')))
    assert.equal(outcomeOf(judgeLimits({ cpu: 'cgroup-v2', memory: 'cgroup-v1' })), 'ok')
    assert.equal(outcomeOf(judgeLimits({ cpu: 'none', memory: 'watched' })), 'warning')
  })

  it('neighbours: alone, of another cluster, not reached, well', () => {
    const none = { wanted: [], lost: [] }
    assert.match(judgeNeighbours([], 'home', none).found, /alone/)
    const lost = judgeNeighbours([], 'home', { wanted: [], lost: ['loft'] })
    assert.match(lost.found, /none; offline: loft/)
    assert.match(lost.cause!, /cut off from them/)
    assert.equal(lost.fix[0], '`althing doctor loft` says what is in the way')
    assert.equal(outcomeOf(judgeNeighbours([barn], 'home', { wanted: [], lost: ['loft'] })), 'warning')
    assert.match(judgeNeighbours([{ ...barn, cluster: 'away' }], 'home', none).found, /barn is of away/)
    assert.match(
      judgeNeighbours([barn], 'home', { wanted: ['/ip4/10.0.0.9/tcp/1/p2p/x'], lost: ['loft'] }).fix[0]!,
      /althing doctor \/ip4\/10\.0\.0\.9/,
    )
    assert.equal(outcomeOf(judgeNeighbours([barn], 'home', none)), 'ok')
    assert.equal(judgeNeighbours([{ ...barn, isRelayed: true }], 'home', none).measured['relayed'], 1)
  })

  it('probe port: unbound, untried, unreachable for all, and for some', () => {
    const mute = { ...barn, name: 'cellar', byDatagram: false }
    assert.equal(outcomeOf(judgeProbePort(undefined, [barn])), 'warning')
    assert.equal(outcomeOf(judgeProbePort(4100, [])), 'skipped')
    assert.equal(outcomeOf(judgeProbePort(4100, [barn])), 'ok')
    assert.ok(judgeProbePort(4100, [mute]).fix.some((line) => line.includes('ufw allow 4100/udp')))
    assert.match(judgeProbePort(4100, [barn, mute]).cause!, /on the way to cellar/)
  })
})

describe('diagnosis: multicast', () => {
  const heard = { name: 'eth0', address: '10.0.0.1', heard: true }
  const deaf = { name: 'eth1', address: '10.1.0.1', heard: false }
  const pair: MulticastPair = {
    name: 'barn',
    hosts: ['10.0.0.5'],
    peer: 'B',
    facts: { interfaces: [heard], answers: [] },
    isOn: true,
    isOnThere: true,
    isSameMachine: false,
    isOnLink: true,
  }

  it('of a host: all interfaces, some, none, and switched off', () => {
    const of = (...interfaces: (typeof heard)[]) => judgeOwnMulticast({ interfaces, answers: [] }, true).outcome
    assert.deepEqual([of(heard), of(heard, deaf), of(deaf), of()], ['ok', 'warning', 'broken', 'warning'])
    assert.equal(judgeOwnMulticast({ interfaces: [deaf], answers: [] }, false).outcome, 'skipped')
    const refused = { interfaces: [{ ...deaf, error: 'send EPERM' }], answers: [] }
    assert.match(judgeOwnMulticast(refused, true).cause!, /lets no multicast out \(eth1: send EPERM\)/)
  })

  it('of a pair: silence is a fault only where an answer is due', () => {
    assert.equal(judgeMulticastBetween(pair).outcome, 'broken')
    for (const change of [{ isOn: false }, { isOnThere: false }, { isSameMachine: true }, { isOnLink: false }]) {
      assert.equal(judgeMulticastBetween({ ...pair, ...change }).outcome, 'skipped', JSON.stringify(change))
    }
    assert.equal(judgeMulticastBetween({ ...pair, isOnThere: undefined }).outcome, 'skipped')
  })

  it('of a pair: an answer counts by host or by peer, and our own silence comes first', () => {
    const answers = (host: string, ...peers: string[]) => ({ interfaces: [heard], answers: [{ host, peers }] })
    assert.equal(judgeMulticastBetween({ ...pair, facts: answers('10.0.0.5') }).outcome, 'ok')
    assert.equal(judgeMulticastBetween({ ...pair, facts: answers('10.0.0.6', 'B') }).outcome, 'ok')
    assert.equal(judgeMulticastBetween({ ...pair, facts: answers('10.0.0.6', 'C') }).outcome, 'broken')
    const ours = judgeMulticastBetween({ ...pair, facts: { interfaces: [deaf], answers: [] } })
    assert.match(ours.cause!, /this machine drops/)
  })
})
