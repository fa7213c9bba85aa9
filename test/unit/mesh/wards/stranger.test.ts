import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../../src/mesh/step.ts'
import { DEFAULT_WARDS } from '../../../../src/mesh/wards/state.ts'
import { wardOf } from '../../../../src/mesh/wards/ward.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import type { VerifiedRecord } from '../../../../src/wire/envelope.ts'
import { heartbeat, machine, signerOf, T0 } from '../../registry/fixtures.ts'

const CONFIG = { ...DEFAULT_MESH, wards: DEFAULT_WARDS }
const ANN = signerOf('ann').id

/** A node in the ward attic/, with ann there. */
function nodeWithAnn() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: { zone: 'attic' }, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh(signerOf('me').id, CONFIG, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: CONFIG, rng: seededRng(1) }
  const hear = (record: VerifiedRecord) => meshStep(mesh, { type: 'record', record, ageMs: 0, ward: 'attic/' }, T0, env)
  const tell = (record: VerifiedRecord) =>
    meshStep(mesh, { type: 'record', record, ageMs: 0, from: signerOf('zoe').id }, T0, env)
  meshStep(mesh, { type: 'start', epoch: 7, alone: true }, T0, env)
  mesh.wards.at = wardOf('attic/')
  mesh.wards.zones = new Set(['attic', 'cellar'])
  hear(machine('ann', { seq: 5, labels: { zone: 'attic' } }))
  hear(heartbeat('ann'))
  assert.ok(mesh.topology.members.has(ANN))
  mesh.wards.here.set(signerOf('zoe').id, 'cellar/')
  return { mesh, hear, tell }
}

describe('mesh/wards: a proof by way of one who holds another ward', () => {
  const lies = [machine('ann', { seq: 3, labels: { zone: 'attic' } }), machine('ann', { seq: 3, note: 'other' })]

  it('convicts a member of this one, and nothing else comes that way', () => {
    const { mesh, tell } = nodeWithAnn()
    for (let seq = 6; seq < 20; seq++) tell(heartbeat('ann', { seq }))
    assert.equal(mesh.registry.records.get(`${ANN}/heartbeat/`)?.record.seq, 1)
    tell(lies[0]!)
    assert.ok(!mesh.registry.quarantined.has(ANN))
    const effects = tell(lies[1]!)
    assert.ok(mesh.registry.quarantined.has(ANN))
    assert.ok(effects.some((effect) => effect.type === 'persist' && effect.collection === 'proof'))
    assert.ok(effects.some((effect) => effect.type === 'node-event' && effect.what === 'quarantined'))
  })

  it('says nothing of whom nobody here knows', () => {
    const { mesh, tell } = nodeWithAnn()
    tell(machine('bob', { labels: { zone: 'attic' } }))
    tell(machine('bob', { note: 'other' }))
    assert.equal(mesh.registry.authors.has(signerOf('bob').id), false)
  })
})

describe('mesh/wards: a passport that names another zone', () => {
  it('sets its author apart', () => {
    const { mesh, hear } = nodeWithAnn()
    hear(machine('ann', { seq: 6, labels: { zone: 'cellar' } }))
    assert.ok(!mesh.topology.members.has(ANN))
  })

  it('does nothing when it is an old one, which anybody can send again', () => {
    const { mesh, hear } = nodeWithAnn()
    hear(machine('ann', { seq: 4, labels: { zone: 'cellar' } }))
    assert.ok(mesh.topology.members.has(ANN) && !mesh.registry.apart.has(ANN))
  })
})
