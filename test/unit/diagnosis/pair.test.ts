import assert from 'node:assert/strict'
import { judgePath, judgeProbes, judgeRecords } from '../../../src/diagnosis/link.ts'
import {
  judgeCluster,
  judgeDial,
  judgeHandshake,
  judgeProtocol,
  LINK_STEPS,
  skipAfter,
  type DialFacts,
  type LinkFacts,
} from '../../../src/diagnosis/pair.ts'
import { STEP_IDS } from '../../../src/model/doctor.ts'

const dial = (state: DialFacts['state'], host = '10.0.0.5'): DialFacts => ({ host, port: 4100, state, tookMs: 3 })
const direct: LinkFacts = { address: '/ip4/10.0.0.5/tcp/4100', direction: 'outbound', relay: undefined }
const relayed: LinkFacts = {
  address: '/ip4/10.0.0.9/tcp/4100/p2p/12D3KooWR/p2p-circuit/p2p/12D3KooWB',
  direction: 'inbound',
  relay: '12D3KooWR',
}

describe('diagnosis: a pair', () => {
  it('dial: one address that is open is enough', () => {
    const step = judgeDial('barn', [dial('timeout', '10.9.0.1'), dial('open')], undefined)
    assert.deepEqual([step.outcome, step.measured['open'], step.measured['tried']], ['ok', 1, 2])
  })

  it('dial: dropped, refused, without a way and forbidden here are four causes', () => {
    const causes = (['timeout', 'refused', 'no-route', 'blocked'] as const).map((state) => {
      const step = judgeDial('barn', [dial(state)], undefined)
      assert.equal(step.outcome, 'broken')
      assert.ok(step.fix.length > 0)
      return step.cause!
    })
    assert.deepEqual(
      causes.map((cause) => /dropped|nothing listens|no route|own firewall/.exec(cause)?.[0]),
      ['dropped', 'nothing listens', 'no route', 'own firewall'],
    )
    const mixed = judgeDial('barn', [dial('timeout', '172.18.0.1'), dial('refused')], undefined)
    assert.match(mixed.cause!, /nothing listens/, 'whoever refuses is there')
  })

  it('dial: the commands name the port, for TCP and UDP', () => {
    const fix = judgeDial('barn', [dial('timeout')], undefined).fix.join('\n')
    for (const command of [
      'ufw allow 4100`',
      '--add-port=4100/tcp --add-port=4100/udp',
      '{ tcp, udp } th dport 4100',
    ]) {
      assert.ok(fix.includes(command), command)
    }
  })

  it('dial: a link that stands anyway makes it a warning', () => {
    assert.match(
      judgeDial('barn', [dial('timeout')], { ...direct, direction: 'inbound' }).found,
      /it dialled this node/,
    )
    assert.match(judgeDial('barn', [dial('timeout')], relayed).found, /a relay stands in/)
    assert.equal(judgeDial('barn', [dial('timeout')], relayed).outcome, 'warning')
    assert.equal(judgeDial('barn', [], relayed).outcome, 'skipped')
    assert.equal(judgeDial('barn', [], undefined).outcome, 'broken')
  })

  it('handshake: each way of failing has its cause', () => {
    const of = (code: string, isConnected = false) =>
      judgeHandshake({
        address: '/ip4/10.0.0.5/tcp/4100',
        peer: '12D3KooWB',
        failure: { code, text: code, isConnected },
        link: undefined,
        tookMs: undefined,
      })
    const causes = ['wrong-peer', 'self', 'public-address', 'timeout', 'not-allowed', 'handshake'].map((code) => {
      assert.equal(of(code).outcome, 'broken', code)
      return of(code).cause
    })
    assert.equal(new Set(causes).size, causes.length)
    assert.equal(of('timeout', true).outcome, 'ok', 'it broke after the handshake')
    assert.equal(of('not-althing').outcome, 'ok')
  })

  it('protocol and cluster', () => {
    const greeting = { cluster: 'attic', version: '1.2.3' }
    assert.equal(judgeProtocol(undefined, greeting, '1.2.3').outcome, 'ok')
    assert.match(judgeProtocol(undefined, greeting, '1.2.4').found, /here 1\.2\.4/)
    const foreign = { code: 'not-althing', text: '', isConnected: true }
    assert.match(judgeProtocol(foreign, undefined, '1').found, /speaks libp2p, but not Althing/)
    assert.match(judgeProtocol(undefined, undefined, '1').found, /says nothing/)
    assert.equal(judgeCluster('barn', 'a', 'a').outcome, 'ok')
    const step = judgeCluster('barn', 'a', 'b')
    assert.deepEqual([step.outcome, step.measured], ['broken', { ours: 'a', theirs: 'b' }])
    assert.match(step.fix[0]!, /--cluster b.*--cluster a/)
  })

  it('probes: both ways, none, and in one direction are told apart, and none breaks anything', () => {
    const facts = {
      rttMs: undefined,
      sent: 3,
      heardThereAgeMs: undefined,
      tookMs: 900,
      didAnswer: true,
      linkRttMs: 1,
      port: 4100,
      isRelayed: false,
    }
    assert.equal(judgeProbes('barn', { ...facts, rttMs: 0.4 }).outcome, 'ok')
    const found = [
      judgeProbes('barn', facts),
      judgeProbes('barn', { ...facts, heardThereAgeMs: 100 }),
      judgeProbes('barn', { ...facts, sent: 0 }),
      judgeProbes('barn', { ...facts, heardThereAgeMs: 1_500 }),
    ]
    assert.deepEqual(new Set(found.map(({ outcome }) => outcome)), new Set(['warning']))
    assert.match(found[0]!.cause!, /do not arrive there/)
    assert.match(found[1]!.cause!, /UDP is dropped on this side/)
    assert.match(found[2]!.cause!, /takes no datagrams/)
    assert.match(found[3]!.cause!, /do not arrive there/, 'what came before was not this ping')
    assert.equal(judgeProbes('barn', { ...facts, isRelayed: true }).outcome, 'skipped')
  })

  it('records: both have to be fresh, unless the other cannot say', () => {
    const facts = { hereAgeMs: 1_000, thereAgeMs: 2_000, didAnswer: true, hereLeaseMs: 30_000, thereLeaseMs: 30_000 }
    assert.equal(judgeRecords('barn', facts).outcome, 'ok')
    assert.equal(judgeRecords('barn', { ...facts, didAnswer: false, thereAgeMs: undefined }).outcome, 'ok')
    assert.match(judgeRecords('barn', { ...facts, thereAgeMs: undefined }).cause!, /barn takes none of this node/)
    assert.match(judgeRecords('barn', { ...facts, hereAgeMs: 30_000 }).cause!, /none of barn is taken here/)
    const rare = { ...facts, hereAgeMs: 30_000, hereLeaseMs: 75_000 }
    assert.equal(judgeRecords('barn', rare).outcome, 'ok', 'it has promised to beat more seldom')
  })

  it('path: direct is well, relay only is what is broken, and the relay is named', () => {
    const nameOf = (peer: string) => (peer === '12D3KooWR' ? 'gate' : peer)
    assert.equal(judgePath('barn', direct, nameOf, 1).outcome, 'ok')
    const step = judgePath('barn', relayed, nameOf, 12)
    assert.deepEqual([step.id, step.outcome, step.measured['relay']], ['path', 'broken', '12D3KooWR'])
    assert.match(step.found, /^relay only: all goes through gate, round trip 12 ms$/)
    assert.equal(judgePath('barn', undefined, nameOf, undefined).outcome, 'broken')
  })

  it('every step of a link has a name, and is skipped with the reason', () => {
    for (const id of LINK_STEPS) assert.ok(STEP_IDS.includes(id))
    assert.deepEqual(
      skipAfter('dial', ['clock']).map(({ outcome, found }) => [outcome, found]),
      [['skipped', 'needs dial']],
    )
  })
})
