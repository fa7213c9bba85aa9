import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh, meshStep, nextWakeMs } from '../../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../../src/mesh/types.ts'
import { DEFAULT_WARDS, HELD_LIMITS } from '../../../../src/mesh/wards/state.ts'
import { wardOf } from '../../../../src/mesh/wards/ward.ts'
import { filterOf } from '../../../../src/mesh/wards/filter.ts'
import { wardsFor } from '../../../../src/mesh/wards/elsewhere.ts'
import { TaskSpec } from '../../../../src/model/task.ts'
import type { WardDigest, WardQuestion } from '../../../../src/model/ward.ts'
import { nodes } from '../../../../src/registry/registry.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { openRecord, type VerifiedRecord } from '../../../../src/wire/envelope.ts'
import { heartbeat, machine, signerOf, T0 } from '../../registry/fixtures.ts'

const CONFIG = { ...DEFAULT_MESH, wards: DEFAULT_WARDS }
const ROOM = { cpuMilli: 4_000, memoryBytes: 2 ** 33 }

/** A node in the ward attic/, which knows of the ward cellar/ by the digest of `ann` there. */
function nodeIn(ward = 'attic/') {
  const id = signerOf('me').id
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: { zone: ward.split('/')[0]! }, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh(id, CONFIG, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: CONFIG, rng: seededRng(1) }
  const step = (input: MeshInput, nowMs = T0) => meshStep(mesh, input, nowMs, env)
  step({ type: 'start', epoch: 7, alone: true })
  mesh.wards.at = wardOf(ward)
  mesh.wards.zones = new Set(['attic', 'cellar'])
  return { mesh, step }
}

function digestOf(author: string, ward: string, change: Partial<WardDigest> = {}): VerifiedRecord {
  const { id, seal } = signerOf(author)
  const body: WardDigest = {
    ...{ members: 500, ready: 400, free: ROOM, largest: ROOM, drivers: ['process'], zones: [], intervalMs: 20_000 },
    names: filterOf([author]),
    contacts: [
      { peerId: id, addresses: ['/ip4/10.0.0.9/tcp/4100'] },
      { peerId: signerOf('bob').id, addresses: ['/ip4/10.0.0.8/tcp/4100'] },
    ],
    ...change,
  }
  return seal({ kind: 'digest', name: ward, epoch: 1, seq: 1, hlc: T0, ttlMs: 60_000, body })
}

const asks = (effects: readonly MeshEffect[]) =>
  effects.flatMap((effect) =>
    effect.type === 'send' && effect.message.t === 'ward-ask' ? [{ to: effect.to, ...effect.message.body }] : [],
  )
const QUESTION: WardQuestion = { ward: 'cellar/', most: 8 }
const asTold = (...records: VerifiedRecord[]) => records.map((record) => ({ record, ageMs: 0, statedAgeMs: 0 }))

describe('mesh/wards: asking another ward', () => {
  function asking() {
    const { mesh, step } = nodeIn()
    step({ type: 'record', record: digestOf('ann', 'cellar/'), ageMs: 0, statedAgeMs: 0 })
    const [first] = asks(step({ type: 'ward-query', ticket: 't', question: QUESTION }))
    assert.ok(first)
    return { mesh, step, first }
  }
  const answers = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) => (effect.type === 'ward-answered' ? [[effect.ticket, effect.outcome]] : []))

  it('makes guests of whom it is told: known here, and neither watched nor compared', () => {
    const { mesh, step, first } = asking()
    const records = asTold(machine('eve', { labels: { zone: 'cellar' } }), heartbeat('eve'))
    const sums = [...mesh.registry.sums]
    const effects = step({ type: 'ward-told', from: first.to, nonce: first.nonce, records, left: 3, moved: false })
    assert.deepEqual(answers(effects), [['t', 'told']])
    const { id } = signerOf('eve')
    assert.ok(nodes(mesh.registry, T0).some(({ peerId, state }) => peerId === id && state === 'ready'))
    assert.ok(!mesh.topology.members.has(id))
    assert.deepEqual([...mesh.registry.sums], sums)
    assert.ok(mesh.wards.guests.has(id))
  })

  it('takes nothing that was not asked for, or of somebody else, or twice', () => {
    const { mesh, step, first } = asking()
    const records = asTold(machine('eve', { labels: { zone: 'cellar' } }))
    const told = { type: 'ward-told' as const, from: first.to, nonce: first.nonce, records, left: 0, moved: false }
    step({ ...told, nonce: first.nonce ^ 1 })
    step({ ...told, from: signerOf('mallory').id })
    assert.equal(mesh.registry.authors.has(signerOf('eve').id), false)
    step(told)
    assert.deepEqual(answers(step(told)), [])
  })

  it('tells and keeps the proof when what it is told of one contradicts itself', () => {
    const { mesh, step, first } = asking()
    step({ type: 'peer-up', peer: signerOf('ann').id, wallMs: T0 })
    const lies = [machine('eve', { labels: { zone: 'cellar' } }), machine('eve', { labels: { zone: 'roof' } })]
    const told = { nonce: first.nonce, records: asTold(...lies), left: 0, moved: false }
    const effects = step({ type: 'ward-told', from: first.to, ...told })
    const { id } = signerOf('eve')
    assert.ok(mesh.registry.quarantined.has(id))
    assert.ok(effects.some((effect) => effect.type === 'persist' && effect.collection === 'proof' && effect.key === id))
    assert.ok(effects.some((effect) => effect.type === 'node-event' && effect.what === 'quarantined'))
    const passedOn = effects.flatMap((effect) =>
      effect.type === 'send' && effect.message.t === 'sync-records' ? [[effect.to, effect.message.body.records]] : [],
    )
    assert.deepEqual(passedOn, [[signerOf('ann').id, lies.map(({ bytes }) => ({ bytes, ageMs: 0 }))]])
  })

  it('goes to the next contact when one is silent, or has moved, and ends when all were', () => {
    const { mesh, step, first } = asking()
    const moved = { type: 'ward-told' as const, from: first.to, nonce: first.nonce, records: [], left: 0, moved: true }
    const [second] = asks(step(moved))
    assert.ok(second && second.to !== first.to && second.nonce !== first.nonce)
    assert.deepEqual(answers(step({ type: 'wake' }, T0 + 2_999)), [])
    assert.deepEqual(answers(step({ type: 'wake' }, T0 + 3_001)), [['t', 'silent']])
    const spec = { driver: 'process' as const, resources: ROOM }
    assert.deepEqual(wardsFor(mesh, spec, T0 + 4_000).pass, [{ node: 'ward cellar/', reason: 'nobody of it answers' }])
    assert.deepEqual(wardsFor(mesh, spec, T0 + 70_000).ask, ['cellar/'])
  })

  it('is answered at once when nobody can be asked', () => {
    const { step } = nodeIn()
    assert.deepEqual(answers(step({ type: 'ward-query', ticket: 't', question: QUESTION })), [['t', 'silent']])
  })

  it('keeps so many guests, and lets the longest unused go first', () => {
    const { mesh, step, first } = asking()
    for (let i = 0; i < HELD_LIMITS.guests; i++) mesh.wards.guests.set(`other-${i}`, T0)
    const records = asTold(machine('eve', { labels: { zone: 'cellar' } }))
    step({ type: 'ward-told', from: first.to, nonce: first.nonce, records, left: 0, moved: false })
    assert.equal(mesh.wards.guests.size, HELD_LIMITS.guests)
    assert.ok(!mesh.wards.guests.has('other-0') && mesh.wards.guests.has(signerOf('eve').id))
    mesh.wards.guests.delete(signerOf('eve').id)
    step({ type: 'wake' }, T0 + 60_000)
    for (let nowMs = T0; nowMs < T0 + 60_000; nowMs = Math.max(nowMs + 1, nextWakeMs(mesh) ?? Infinity))
      step({ type: 'wake' }, nowMs)
    assert.equal(mesh.registry.authors.has(signerOf('eve').id), false, 'who is no guest any more is let go')
  })
})

describe('mesh/wards: a peer that says it is in a ward', () => {
  function linked(speakers: readonly string[], ...others: readonly string[]) {
    const { mesh, step } = nodeIn('/')
    for (const name of others) step({ type: 'peer-up', peer: signerOf(name).id, wallMs: T0 })
    const ann = signerOf('ann').id
    const here = { t: 'ward-here' as const, body: { ward: 'cellar/' } }
    const [asked] = asks(step({ type: 'message', from: ann, message: here }))
    assert.equal(asked?.to, ann)
    assert.deepEqual(asks(step({ type: 'message', from: ann, message: here })), [], 'once')
    const records = speakers.flatMap((name) => asTold(digestOf(name, 'cellar/', { members: 9_000 })))
    const effects = step({ type: 'ward-told', from: ann, nonce: asked.nonce, records, left: 0, moved: false })
    return { mesh, effects }
  }

  it('is followed by a newcomer, who listens there from now on', () => {
    const { mesh, effects } = linked(['ann', 'dan', 'eve'], 'ann')
    assert.equal(mesh.wards.at?.zone, '_')
    assert.ok(effects.some((effect) => effect.type === 'listen' && effect.digests && effect.wards.join() === '_/'))
  })

  it('is asked again, or another is, as long as too few speak for their wards', () => {
    const { step } = nodeIn('/')
    const ids = ['ann', 'bob'].map((name) => signerOf(name).id)
    for (const peer of ids) step({ type: 'peer-up', peer, wallMs: T0 })
    const message = { t: 'ward-here' as const, body: { ward: 'cellar/' } }
    const [first] = ids.flatMap((from) => asks(step({ type: 'message', from, message })))
    assert.ok(first)
    const records = asTold(digestOf('ann', 'cellar/', { members: 9_000 }))
    step({ type: 'ward-told', from: first.to, nonce: first.nonce, records, left: 0, moved: false })
    const later = Array.from({ length: 20 }, (_, i) => asks(step({ type: 'wake' }, T0 + 5_000 * (i + 1)))).flat()
    assert.deepEqual([...new Set(later.map(({ to }) => to))].toSorted(), ids.toSorted())
  })

  it('is not followed where most of those who are linked hold the whole mesh', () => {
    assert.equal(linked(['ann', 'dan', 'eve'], 'ann', 'bob').mesh.wards.at, undefined)
    assert.equal(linked(['ann', 'dan', 'eve'], 'ann', 'bob', 'cid').mesh.wards.at, undefined)
  })

  it('is not followed when it alone speaks for a ward, by one who is linked with nobody else yet', () => {
    assert.equal(linked(['ann'], 'ann').mesh.wards.at, undefined)
    assert.equal(linked(['ann', 'dan'], 'ann').mesh.wards.at, undefined)
  })

  it('is not heard when it is not linked', () => {
    const { mesh, step } = nodeIn('/')
    const message = { t: 'ward-here' as const, body: { ward: 'cellar/' } }
    assert.deepEqual(asks(step({ type: 'message', from: signerOf('ann').id, message })), [])
    assert.equal(mesh.wards.here.size, 0)
  })
})

describe('mesh/wards: choosing wards for work', () => {
  it('goes by what their digests say, and says why not', () => {
    const { mesh, step } = nodeIn()
    const take = (record: VerifiedRecord) => step({ type: 'record', record, ageMs: 0, statedAgeMs: 0 })
    take(digestOf('ann', 'cellar/'))
    take(digestOf('bob', 'roof/', { drivers: ['other'] }))
    take(digestOf('cid', 'barn/', { largest: { cpuMilli: 100, memoryBytes: 2 ** 33 } }))
    take(digestOf('dan', 'shed/', { ready: 0 }))
    take(digestOf('eve', 'attic/'))
    const { ask, pass } = wardsFor(mesh, { driver: 'process', resources: ROOM }, T0)
    assert.deepEqual(ask, ['cellar/'], 'the own one is not asked')
    assert.deepEqual(
      new Map(pass.map(({ node, reason }) => [node, reason])),
      new Map([
        ['ward roof/', 'nobody there has driver process'],
        ['ward barn/', 'nobody there has so much CPU and memory free'],
        ['ward shed/', 'nobody there is ready'],
      ]),
    )
    assert.deepEqual(wardsFor(nodeIn('/').mesh, { driver: 'process', resources: ROOM }, T0), { ask: [], pass: [] })
  })
})

describe('mesh/wards: a task that names its node', () => {
  it('is looked for in the wards that may hold it, by its id, whatever is free there', () => {
    const { mesh, step } = nodeIn()
    const { id } = signerOf('eve')
    const take = (record: VerifiedRecord) => step({ type: 'record', record, ageMs: 0, statedAgeMs: 0 })
    take(digestOf('ann', 'cellar/', { names: filterOf([id]), largest: { cpuMilli: 0, memoryBytes: 0 } }))
    take(digestOf('bob', 'roof/'))
    const spec = TaskSpec.parse({ command: ['true'], node: id })
    assert.deepEqual(wardsFor(mesh, spec, T0).pass, [
      { node: 'ward roof/', reason: 'the node that was asked for is not of it' },
    ])
    const asked = asks(step({ type: 'submit', jobId: 'j', spec, count: 1, placeTimeoutMs: 60_000 }))
    assert.deepEqual(
      asked.map(({ want }) => want),
      [{ nodes: { ward: 'cellar/', name: id, most: 8 } }],
    )
  })
})

describe('mesh/wards: answering others', () => {
  function answering() {
    const { mesh, step } = nodeIn()
    for (const name of ['ann', 'bob', 'cid']) {
      for (const record of [machine(name, { labels: { zone: 'attic' } }), heartbeat(name)])
        step({ type: 'record', record, ageMs: 0, ward: 'attic/' })
    }
    const ask = (nodesOf: WardQuestion, from = 'zoe') => {
      const message = { t: 'ward-ask' as const, body: { nonce: 5, want: { nodes: nodesOf } } }
      return step({ type: 'message', from: signerOf(from).id, message }).flatMap((effect) =>
        effect.type === 'send' && effect.message.t === 'ward-told' ? [effect.message.body] : [],
      )
    }
    return { mesh, ask, step }
  }

  it('tells nodes of its ward that fit, by their own signed words, and how many more there are', () => {
    const { ask } = answering()
    const [all] = ask({ ward: 'attic/', most: 64 })
    assert.deepEqual([all?.records.length, all?.left, all?.moved], [6, 0, false])
    const [one] = ask({ ward: 'attic/', most: 1 })
    assert.deepEqual([one?.records.length, one?.left], [2, 2])
    assert.equal(ask({ ward: 'attic/', most: 64, name: 'bob' })[0]?.records.length, 2)
    assert.equal(ask({ ward: 'attic/', most: 64, selector: 'zone=cellar' })[0]?.records.length, 0)
    assert.equal(ask({ ward: 'attic/', most: 64, selector: '(((' })[0]?.records.length, 0)
    assert.equal(ask({ ward: 'attic/', most: 64, driver: 'none' })[0]?.records.length, 0)
    assert.equal(ask({ ward: 'attic/', most: 64, free: { cpuMilli: 1e9, memoryBytes: 1 } })[0]?.records.length, 0)
    assert.deepEqual(ask({ ward: 'cellar/', most: 64 }), [{ nonce: 5, records: [], left: 0, moved: true }])
  })

  it('tells all of them page by page', () => {
    const { ask, mesh } = answering()
    const ids = ['ann', 'bob', 'cid'].map((name) => signerOf(name).id).toSorted()
    let after = ''
    for (const id of ids) {
      const [page] = ask({ ward: 'attic/', most: 1, after })
      const entry = mesh.registry.records.get(`${id}/heartbeat/`)
      assert.ok(
        page?.records.some(({ bytes }) => bytes === entry?.record.bytes),
        `after ${after}`,
      )
      after = id
    }
    assert.deepEqual(ask({ ward: 'attic/', most: 1, after })[0]?.records, [])
  })

  it('tells a newcomer what wards there are, and of two wards all that speak for them', () => {
    const { step } = answering()
    for (const [author, ward] of [
      ['ann', 'attic/'],
      ['bob', 'attic/'],
      ['cid', 'cellar/'],
      ['dan', 'cellar/'],
    ] as const)
      step({ type: 'record', record: digestOf(author, ward), ageMs: 0 })
    const message = { t: 'ward-ask' as const, body: { nonce: 5, want: { digestsFor: 'cellar' } } }
    const told = step({ type: 'message', from: signerOf('zoe').id, message }).flatMap((effect) =>
      effect.type === 'send' && effect.message.t === 'ward-told' ? effect.message.body.records : [],
    )
    const named = told.map(({ bytes }) => openRecord(bytes, { kinds: 'digest', maxBytes: 8192, wallNowMs: T0 }).name)
    assert.deepEqual(named, ['cellar/', 'attic/', 'cellar/', 'attic/'])
  })

  it('does so a few times a second for one asker', () => {
    const { ask } = answering()
    let answered = 0
    for (let i = 0; i < 100; i++) answered += ask({ ward: 'attic/', most: 1 }).length
    assert.equal(answered, 16)
    assert.equal(ask({ ward: 'attic/', most: 1 }, 'yan').length, 1)
  })
})
