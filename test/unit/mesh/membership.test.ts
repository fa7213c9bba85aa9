import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import { DIMENSIONS, MAX_COORDINATE_MICROS } from '../../../src/model/coordinate.ts'
import { Heartbeat, MAX_HEARTBEAT_INTERVAL_MS } from '../../../src/model/heartbeat.ts'
import { node } from '../../../src/registry/registry.ts'
import { coordinateOf } from '../../../src/topology/coordinates/told.ts'
import { rttOf } from '../../../src/topology/coordinates/vivaldi.ts'
import { verdictOf } from '../../../src/topology/state.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { openRecord } from '../../../src/wire/envelope.ts'
import { RECORD_MAX_BYTES } from '../../../src/wire/limits.ts'
import { EPOCH, heartbeat, machine, signerOf, T0 } from '../registry/fixtures.ts'

/** A mesh of this node, `ann` and `ben`, each known by a heartbeat. */
function makeMesh() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh('me', DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: DEFAULT_MESH, rng: seededRng(1) }
  let nowMs = T0
  const step = (input: MeshInput, atMs = nowMs): MeshEffect[] => {
    nowMs = atMs
    return meshStep(mesh, input, atMs, env)
  }
  step({ type: 'start', epoch: 7, alone: true })
  const ids = ['ann', 'ben'].map((name) => {
    const record = heartbeat(name)
    step({ type: 'record', record, ageMs: 0 })
    return record.author
  })
  return { mesh, step, ann: ids[0]!, ben: ids[1]! }
}

/** What `author` says of `subject`. */
function testimony(author: string, subject: string, changes: Record<string, unknown> = {}) {
  const body = { subject, epoch: EPOCH, incarnation: 0, seq: 1, says: 'refused', loss: 0, ...changes }
  const draft = { kind: 'testimony', name: subject, epoch: EPOCH, seq: 1, hlc: T0, ttlMs: 60_000, body }
  const { bytes } = signerOf(author).seal(draft)
  return openRecord(bytes, { kinds: 'testimony', maxBytes: RECORD_MAX_BYTES.testimony, wallNowMs: T0 })
}

const fateOf = (effects: readonly MeshEffect[]) => effects.find((effect) => effect.type === 'fate')?.fate

describe('membership in the mesh', () => {
  it('answers a probe at once, by the way of probes', () => {
    const { step, ann } = makeMesh()
    const effects = step({ type: 'message', from: ann, message: { t: 'ping', body: { nonce: 5 } } })
    assert.deepEqual(effects[0], { type: 'probe', to: ann, message: { t: 'pong', body: { nonce: 5 } } })
  })

  it('holds a member offline on the word of its witnesses, in the registry too, long before its lease', () => {
    const { mesh, step, ann, ben } = makeMesh()
    // Of three, the other watcher is this very node: it watches from a moment later on.
    step({ type: 'wake' }, T0 + 50)
    step({ type: 'peer-up', peer: ben, wallMs: T0 })
    step({ type: 'peer-down', peer: ben })
    step({ type: 'dial-failed', peer: ben, refused: true })
    assert.equal(node(mesh.registry, ben, T0)?.state, 'ready')
    const effects = step({ type: 'record', record: testimony('ann', ben), ageMs: 0, statedAgeMs: 0 })
    assert.equal(fateOf(effects), 'accept')
    assert.equal(verdictOf(mesh.topology, ben), 'offline')
    assert.equal(node(mesh.registry, ben, T0)?.state, 'offline')
    assert.equal(verdictOf(mesh.topology, ann), 'alive')

    step({ type: 'record', record: heartbeat('ben', { seq: 9, incarnation: 1 }), ageMs: 0 })
    assert.equal(verdictOf(mesh.topology, ben), 'alive')
    assert.equal(node(mesh.registry, ben, T0)?.state, 'ready')
  })

  it('refutes what is said of this node by a heartbeat with a higher incarnation, at once', () => {
    const { mesh, step } = makeMesh()
    const effects = step({
      type: 'record',
      record: testimony('ann', 'me', { epoch: 7 }),
      ageMs: 0,
      statedAgeMs: 0,
    })
    const beat = effects.find((effect) => effect.type === 'publish' && effect.kind === 'heartbeat')
    assert.equal(mesh.topology.own.incarnation, 1)
    assert.equal((beat as { body?: { incarnation: number } } | undefined)?.body?.incarnation, 1)
  })

  it('refutes nothing aloud while it is joining: a neighbour may know of a later epoch of this node', () => {
    const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
    const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
    const mesh = createMesh('me', DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
    const env = { config: DEFAULT_MESH, rng: seededRng(1) }
    meshStep(mesh, { type: 'start', epoch: 7, alone: false }, T0, env)
    const ann = heartbeat('ann')
    meshStep(mesh, { type: 'record', record: ann, ageMs: 0 }, T0, env)
    const body = { nonce: 1, suspects: { epoch: 7, incarnation: 0 } }
    const effects = meshStep(mesh, { type: 'message', from: ann.author, message: { t: 'ping', body } }, T0, env)
    assert.equal(mesh.topology.own.incarnation, 1)
    assert.ok(!effects.some(({ type }) => type === 'publish'))
  })

  it('neither believes nor passes on strangers, recordings, and what it has heard', () => {
    const { step, ben } = makeMesh()
    const take = (record: ReturnType<typeof testimony>, statedAgeMs = 0) =>
      fateOf(step({ type: 'record', record, ageMs: 0, statedAgeMs }))
    assert.equal(take(testimony('stranger', ben)), 'ignore')
    assert.equal(take(testimony('ann', ben), 60_000), 'ignore')
    assert.equal(take(testimony('ann', ben, { epoch: EPOCH - 1 })), 'ignore')
    assert.equal(take(testimony('ann', ben)), 'accept')
    assert.equal(take(testimony('ann', ben)), 'ignore')
    assert.equal(take(testimony('ann', ben, { says: 'dead' })), 'reject')
    assert.equal(take(testimony('ann', ben, { seq: 2, loss: 2 })), 'reject')
  })

  it('says nothing of a node by a heartbeat that is older than a lease', () => {
    const { mesh, step } = makeMesh()
    const old = heartbeat('old')
    step({ type: 'record', record: old, ageMs: DEFAULT_MESH.leaseMs })
    assert.equal(verdictOf(mesh.topology, old.author), undefined)
    const rare = heartbeat('rare', { intervalMs: 25_000, ttlMs: 150_000 })
    step({ type: 'record', record: rare, ageMs: 74_999 })
    assert.equal(verdictOf(mesh.topology, rare.author), 'alive', 'its lease is three of its own intervals')
    const lapsed = heartbeat('lapsed', { intervalMs: 25_000, ttlMs: 150_000 })
    step({ type: 'record', record: lapsed, ageMs: 75_000 })
    assert.equal(verdictOf(mesh.topology, lapsed.author), undefined)
  })

  it('says where it is in its heartbeats, and goes by where others say they are', () => {
    const { mesh, step, ann } = makeMesh()
    const { placement, members } = mesh.topology
    step({ type: 'wake' }, T0 + 50)
    const told = { at: [40_000, 0, 0, 0], height: 500, adjustment: 0, error: 100 }
    step({ type: 'record', record: heartbeat('ann', { seq: 2, coordinate: told }), ageMs: 0 })
    assert.deepEqual(members.get(ann)?.point, { at: [40, 0, 0, 0], heightMs: 0.5, adjustmentMs: 0, error: 0.1 })
    const probes = step({ type: 'wake' }, T0 + 1_500).flatMap((effect) => (effect.type === 'probe' ? [effect] : []))
    const ping = probes.find(({ to, message }) => to === ann && message.t === 'ping')
    const { nonce } = ping!.message.body
    // Whole milliseconds by the steps' own times, finer where it was measured.
    step({ type: 'message', from: ann, message: { t: 'pong', body: { nonce } }, rttMs: 30.25 }, T0 + 1_531)
    assert.equal(rttOf(placement.measured.get(ann)!), 30.25)
    assert.equal(placement.moves, 1, 'a newcomer moves at once')
    step({ type: 'record', record: heartbeat('ann', { seq: 3, coordinate: { ...told, error: 200 } }), ageMs: 0 })
    assert.equal(placement.moves, 2, 'a place that was told counts')
    step({ type: 'record', record: heartbeat('ann', { seq: 3, coordinate: { ...told, error: 200 } }), ageMs: 0 })
    assert.equal(placement.moves, 2, 'once')
    step({ type: 'record', record: machine('ann'), ageMs: 0 })
    assert.equal(placement.moves, 2, 'not again when only its passport is new')
    const beats = step({ type: 'wake' }, T0 + 20_000).flatMap((effect) =>
      effect.type === 'publish' && effect.kind === 'heartbeat' ? [Heartbeat.parse(effect.body)] : [],
    )
    assert.deepEqual(beats[0]?.coordinate, coordinateOf(placement))
    assert.ok(beats[0]!.coordinate!.at.some((one) => one !== 0))
  })

  it('the longest heartbeat there can be still fits', () => {
    const far = MAX_COORDINATE_MICROS
    const coordinate = {
      at: Array.from({ length: DIMENSIONS }, () => -far),
      height: far,
      adjustment: -far,
      error: 1_500,
    }
    const most = Number.MAX_SAFE_INTEGER
    const record = heartbeat('ann', {
      ...{ state: 'offline', incarnation: 2 ** 48 - 1, intervalMs: MAX_HEARTBEAT_INTERVAL_MS, uptimeMs: most },
      ...{ cpuRatio: 0.123, memoryAvailableBytes: most, free: { cpuMilli: most, memoryBytes: most }, tasks: most },
      ...{ passport: { epoch: most, seq: most }, coordinate },
    })
    assert.ok(record.bytes.length <= RECORD_MAX_BYTES.heartbeat, `${record.bytes.length} bytes`)
  })
})
