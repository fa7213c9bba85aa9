import assert from 'node:assert/strict'
import type { MeshInput, RecordFate } from '../../../src/mesh/types.ts'
import { isSigned, type ControlMessage } from '../../../src/model/control.ts'
import { TaskSpec } from '../../../src/model/task.ts'
import { Inbound } from '../../../src/node/inbound.ts'
import { toFrame, type Sealer } from '../../../src/node/messages.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { createSigner } from '../../../src/wire/envelope.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'

const NOW = 1_700_000_000_000
const signerOf = (byte: number) => createSigner(new Uint8Array(32).fill(byte))
const hello = (cluster = 'c', wallMs = NOW): ControlMessage => ({
  t: 'hello',
  body: { cluster, version: '1', epoch: 1, wallMs },
})
const release: ControlMessage = { t: 'release', body: { bidId: 'b1' } }
const award: ControlMessage = {
  t: 'award',
  body: { offerId: 'o', bidId: 'b', grants: [{ taskId: 't', attempt: 1 }], leaseMs: 1 },
}

describe('what comes in', () => {
  let clock = manualClock(NOW)
  let inputs: MeshInput[]
  let fate: RecordFate
  let asked: number[]
  let inbound: Inbound
  let examined: unknown[]
  let spared: unknown[]
  let blamed: string[]
  const sealer = (byte: number): Sealer => ({ signer: signerOf(byte), clock, epoch: 1, seq: 0 })

  beforeEach(() => {
    clock = manualClock(NOW)
    inputs = []
    fate = 'accept'
    asked = []
    examined = []
    spared = []
    blamed = []
    inbound = new Inbound({
      cluster: 'c',
      clock,
      log: SILENT,
      onHello: () => {},
      onBye: () => {},
      mayPublish: () => true,
      isAsked: (nonce) => asked.includes(nonce),
      penalise: (peer) => void blamed.push(peer),
      onGovernance: () => {},
      onExamine: (...told) => void examined.push(told),
      onOperated: () => undefined,
      onSpareLink: (...told) => void spared.push(told),
      input: (input) => (inputs.push(input), [{ type: 'fate', fate, outcome: 'new' }]),
      post: (input) => void inputs.push(input),
    })
  })

  it('takes nothing before hello', () => {
    inbound.onFrame('p', toFrame(release, sealer(1)))
    assert.equal(inputs.length, 0)
    assert.equal(inbound.refused.get('no-hello'), 1)
  })

  it('takes nothing of another cluster, until that peer comes back as one of ours', () => {
    inbound.onFrame('p', toFrame(hello('other'), sealer(1)))
    inbound.onFrame('p', toFrame(release, sealer(1)))
    assert.equal(inbound.refused.get('foreign-cluster'), 1)
    inbound.onPeerDown('p')
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    inbound.onFrame('p', toFrame(release, sealer(1)))
    assert.deepEqual(
      inputs.map((input) => input.type),
      ['peer-down', 'message'],
    )
  })

  it('hands questions about the link to who answers them, not to the mesh; none of another cluster', () => {
    const examine: ControlMessage = { t: 'examine', body: { nonce: 7, links: false } }
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    inbound.onFrame('p', toFrame(examine, sealer(1)))
    inbound.onFrame('q', toFrame(hello('other'), sealer(1)))
    inbound.onFrame('q', toFrame(examine, sealer(1)))
    assert.deepEqual(examined, [['p', examine]])
    inbound.onFrame('p', toFrame({ t: 'spare-link', body: {} }, sealer(1)))
    assert.deepEqual(spared, [['p']])
    assert.equal(inputs.length, 0)
    assert.equal(inbound.refused.get('foreign-cluster'), 1)
    assert.equal(inbound.greetingOf('q')?.cluster, 'other')
    inbound.onPeerDown('q')
    assert.equal(inbound.greetingOf('q'), undefined)
  })

  it('hands signed messages on with their proof, if the sender signed them', () => {
    const { id } = signerOf(1)
    inbound.onFrame(id, toFrame(hello(), sealer(1)))
    inbound.onFrame(id, toFrame(award, sealer(1)))
    const [message] = inputs
    assert.ok(message?.type === 'message' && message.proof!.length > 64)
  })

  it('takes what is signed from its signer alone, be it a member, and this the very frame that came from it', () => {
    const free = { cpuMilli: 1, memoryBytes: 1 }
    const terms = { freeAfter: free, capacity: free, cpuRatio: 0, running: 0, warm: true, startEtaMs: 0 }
    const reasons = [{ constraint: 'cpu' as const, wanted: '2', measured: '1', temporary: true }]
    const signed: ControlMessage[] = [
      { t: 'offer', body: { offerId: 'o', jobId: 'j', slots: 1, spec: TaskSpec.parse({ command: ['true'] }) } },
      { t: 'bid', body: { offerId: 'o', bidId: 'b', slots: 1, holdMs: 1, terms } },
      { t: 'decline', body: { offerId: 'o', reasons, wouldFit: free } },
      award,
      { t: 'contract', body: { bidId: 'b', accepted: [], refused: [] } },
    ]
    const [author, thief] = [signerOf(1).id, signerOf(2).id]
    for (const peer of [author, thief]) inbound.onFrame(peer, toFrame(hello(), sealer(1)))
    for (const message of signed) {
      assert.ok(isSigned(message.t))
      const frame = toFrame(message, sealer(1))
      inbound.onFrame(author, frame)
      inbound.onFrame(thief, frame)
    }
    assert.deepEqual(
      inputs.map((input) => input.type === 'message' && [input.from, input.message.t]),
      signed.map(({ t }) => [author, t]),
    )
    assert.equal(inbound.refused.get('foreign-author'), signed.length)
  })

  it('counts unsigned, unknown and ill-shaped messages by name', () => {
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    inbound.onFrame('p', encodeFrame({ t: 'award', b: award.body } as { t: string }))
    inbound.onFrame('p', encodeFrame({ t: 'nonsense', b: {} } as { t: string }))
    inbound.onFrame('p', encodeFrame({ t: 'release', b: { bidId: 7 } } as { t: string }))
    inbound.onFrame('p', new Uint8Array([0xff, 0x00]))
    assert.equal(inbound.refused.get('bad-body'), 3)
    assert.equal(
      [...inbound.refused.values()].reduce((a, b) => a + b),
      4,
    )
    assert.equal(inputs.length, 0)
  })

  it('notices a skewed clock', () => {
    inbound.onFrame('p', toFrame(hello('c', NOW + 120_000), sealer(1)))
    assert.equal(inbound.greetingOf('p')?.skewMs, 120_000)
  })

  it('takes no flood: frames beyond the allowance of a link are dropped, and it is earned again', () => {
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    const frame = toFrame(release, sealer(1))
    for (let n = 0; n < 3_000; n++) inbound.onFrame('p', frame)
    assert.equal(inputs.length, 1_999, 'the hello was the first of 2000')
    assert.equal(inbound.refused.get('rate-limited'), 1_001)
    inbound.onFrame('q', toFrame(hello(), sealer(1)))
    inbound.onFrame('q', frame)
    assert.equal(inputs.length, 2_000, 'others are not concerned')
    clock.advance(500)
    for (let n = 0; n < 3_000; n++) inbound.onFrame('p', frame)
    assert.equal(inputs.length, 2_500)
    assert.deepEqual(blamed, ['p'], 'once a second')
    clock.advance(1_000)
    for (let n = 0; n < 3_000; n++) inbound.onFrame('p', frame)
    assert.deepEqual(blamed, ['p', 'p'])
  })

  it('takes so many records of one author, and holds the rest against it, not against who passes them on', () => {
    const author = signerOf(3)
    let seq = 0
    const flood = (count: number, from: string) => {
      for (let n = 0; n < count; n++) {
        const draft = { kind: 'testimony', name: '', epoch: 1, seq: ++seq, hlc: NOW, ttlMs: 60_000, body: {} }
        inbound.onGossip('pulse', author.seal(draft).bytes, from)
      }
    }
    flood(250, 'a neighbour')
    assert.deepEqual([inputs.length, inbound.refused.get('author-rate-limited'), blamed], [100, 150, []])
    flood(400, author.id)
    assert.deepEqual([inputs.length, blamed], [100, [author.id, author.id]], 'one for each two hundred')
    clock.advance(1_000)
    flood(50, author.id)
    assert.deepEqual([inputs.length, blamed.length], [120, 2])
    // Whoever forges records in its name takes nothing from it.
    clock.advance(10_000)
    const forged = author.seal({
      kind: 'testimony',
      name: '',
      epoch: 1,
      seq: 9_999,
      hlc: NOW,
      ttlMs: 9,
      body: {},
    }).bytes
    forged[forged.length - 1]! ^= 1
    for (let n = 0; n < 500; n++) assert.equal(inbound.onGossip('pulse', forged, 'r'), 'reject')
    flood(10, 'a neighbour')
    assert.equal(inputs.length, 130)
    // Beyond what one neighbour may bring nothing is even looked at; others go on.
    for (let n = 0; n < 4_000; n++) inbound.onGossip('pulse', new Uint8Array([1]), 'q')
    assert.equal(inbound.refused.get('gossip-rate-limited'), 1_000)
    const other = signerOf(4).seal({ kind: 'testimony', name: '', epoch: 1, seq: 1, hlc: NOW, ttlMs: 1_000, body: {} })
    inbound.onGossip('pulse', other.bytes, 'p')
    assert.equal(inputs.length, 131)
  })

  it('takes nothing from an author for what was known of it: anybody can say that again', () => {
    const record = (seq: number) =>
      signerOf(3).seal({ kind: 'testimony', name: '', epoch: 1, seq, hlc: NOW, ttlMs: 60_000, body: {} }).bytes
    fate = 'ignore'
    for (let seq = 1; seq <= 500; seq++) inbound.onGossip('pulse', record(seq), 'p')
    fate = 'accept'
    assert.equal(inbound.onGossip('pulse', record(501), 'p'), 'accept')
    assert.equal(inbound.refused.get('author-rate-limited'), undefined)
  })

  it('looks at so many records of a comparison, and at those of another ward when it asked for them', () => {
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    const { bytes } = signerOf(3).seal({ kind: 'heartbeat', name: '', epoch: 1, seq: 1, hlc: NOW, ttlMs: 9, body: {} })
    const records = Array.from({ length: 500 }, () => ({ bytes, ageMs: 0 }))
    const told = { t: 'sync-records' as const, body: { records, wants: [], more: false } }
    for (let n = 0; n < 21; n++) inbound.onFrame('p', toFrame(told, sealer(1)))
    assert.equal(inputs.filter(({ type }) => type === 'record').length, 10_000)
    assert.equal(inbound.refused.get('sync-rate-limited'), 1, 'the rest of a frame is not even counted')
    const body = { nonce: 7, records: [{ bytes, ageMs: 0 }], left: 0, moved: false }
    inbound.onFrame('p', toFrame({ t: 'ward-told', body }, sealer(1)))
    assert.equal(inbound.refused.get('not-asked'), 1)
    asked.push(7)
    inbound.onFrame('p', toFrame({ t: 'ward-told', body }, sealer(1)))
    assert.equal(inputs.filter(({ type }) => type === 'ward-told').length, 1)
  })

  it('holds what is signed by another, or not at all, against whoever sent it', () => {
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    inbound.onFrame('p', toFrame(award, sealer(2)))
    assert.deepEqual([inbound.refused.get('foreign-author'), blamed], [1, ['p']])
    inbound.onFrame('q', encodeFrame({ t: 'of a later version', b: {} } as { t: string }))
    assert.deepEqual(blamed, ['p'])
  })

  it('does not punish gossip for a bug of ours', () => {
    const broken = new Inbound({
      cluster: 'c',
      clock,
      log: SILENT,
      onHello: () => {},
      onBye: () => {},
      mayPublish: () => true,
      isAsked: () => true,
      penalise: (peer) => void blamed.push(peer),
      onGovernance: () => {},
      onExamine: (...told) => void examined.push(told),
      onOperated: () => undefined,
      onSpareLink: (...told) => void spared.push(told),
      input: () => {
        throw new TypeError('undefined is not a function')
      },
      post: () => {},
    })
    const record = signerOf(3).seal({
      kind: 'heartbeat',
      name: '',
      epoch: 1,
      seq: 1,
      hlc: clock.wallMs(),
      ttlMs: 60_000,
      body: {},
    })
    assert.equal(broken.onGossip('pulse', record.bytes, 'p'), 'ignore')
  })

  it('says how old a record is by its own clock, by gossip as by sync', () => {
    const record = (seq: number, hlc: number) =>
      signerOf(3).seal({ kind: 'heartbeat', name: '', epoch: 1, seq, hlc, ttlMs: 60_000, body: {} })
    // Somebody set the wall clock back: deadlines run on by the old one, ages are by the new.
    clock.setWall(NOW - 10_000)
    inbound.onGossip('pulse', record(1, NOW - 45_000).bytes, 'p')
    inbound.onGossip('pulse', record(2, NOW - 10_000).bytes, 'p')
    inbound.onFrame('p', toFrame(hello(), sealer(1)))
    const records = [{ bytes: record(3, NOW - 50_000).bytes, ageMs: 3_000 }]
    inbound.onFrame('p', toFrame({ t: 'sync-records', body: { records, wants: [], more: false } }, sealer(1)))
    assert.deepEqual(
      inputs.flatMap((input) => (input.type === 'record' ? [[input.ageMs, input.statedAgeMs]] : [])),
      [
        [0, 5_000],
        [0, 0],
        [3_000, 10_000],
      ],
    )
  })

  it('refuses gossip by what is wrong with it', () => {
    const record = (changes: object) =>
      signerOf(3).seal({ kind: 'heartbeat', name: '', epoch: 1, seq: 1, hlc: NOW, ttlMs: 60_000, body: {}, ...changes })
    assert.equal(inbound.onGossip('pulse', record({}).bytes, 'p'), 'accept')
    assert.equal(
      inbound.onGossip('records', record({}).bytes, 'p'),
      'reject',
      'a heartbeat has no place among passports',
    )
    assert.equal(
      inbound.onGossip('pulse', record({ hlc: NOW + 60_000 }).bytes, 'p'),
      'ignore',
      'a skewed clock is no crime',
    )
    const forged = record({}).bytes.slice()
    forged[forged.length - 1]! ^= 1
    assert.equal(inbound.onGossip('pulse', forged, 'p'), 'reject')
    assert.equal(inbound.onGossip('pulse', new Uint8Array(2_000), 'p'), 'reject')
  })
})
