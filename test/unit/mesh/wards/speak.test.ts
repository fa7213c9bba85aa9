import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../../src/mesh/step.ts'
import type { MeshInput } from '../../../../src/mesh/types.ts'
import { beatPace, everywhere } from '../../../../src/mesh/wards/speak.ts'
import { DEFAULT_WARDS } from '../../../../src/mesh/wards/state.ts'
import { wardOf } from '../../../../src/mesh/wards/ward.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { heartbeat, machine, signerOf, T0 } from '../../registry/fixtures.ts'

const CONFIG = { ...DEFAULT_MESH, wards: DEFAULT_WARDS }

/** One of 80 members, of whom 5 are in the attic. */
function nodeOfMany() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: { zone: 'attic' }, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh(signerOf('me').id, CONFIG, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: CONFIG, rng: seededRng(1) }
  const step = (input: MeshInput) => meshStep(mesh, input, T0, env)
  step({ type: 'start', epoch: 7, alone: true })
  for (let i = 1; i < 80; i++) {
    const zone = i < 5 ? 'attic' : 'cellar'
    for (const record of [machine(`m${i}`, { labels: { zone } }), heartbeat(`m${i}`)])
      step({ type: 'record', record, ageMs: 0 })
  }
  mesh.wards.zones = new Set(['attic', 'cellar'])
  return mesh
}

describe('mesh/wards: what is said where', () => {
  it('is said in the whole mesh, at its pace, as long as that is one', () => {
    const mesh = nodeOfMany()
    assert.deepEqual(everywhere(mesh), {})
    assert.deepEqual(beatPace(mesh, CONFIG, T0), { intervalMs: 20_000, paceMs: 20_000 })
  })

  it('is said in both on the way into a ward: in the whole seldom, with the interval that it is judged by', () => {
    const mesh = nodeOfMany()
    mesh.wards.move = { to: wardOf('attic/'), zones: mesh.wards.zones, sinceMs: T0, heard: new Set() }
    assert.deepEqual(everywhere(mesh), { wards: ['/', 'attic/'] })
    assert.deepEqual(beatPace(mesh, CONFIG, T0), { wards: ['/', 'attic/'], intervalMs: 20_000, paceMs: 10_000 })
    assert.deepEqual(beatPace(mesh, CONFIG, T0 + 10_000), { wards: ['attic/'], intervalMs: 20_000, paceMs: 10_000 })
    assert.deepEqual(beatPace(mesh, CONFIG, T0 + 18_000), {
      wards: ['/', 'attic/'],
      intervalMs: 20_000,
      paceMs: 10_000,
    })
  })

  it('is said in a ward, and in the one it goes to', () => {
    const mesh = nodeOfMany()
    mesh.wards.at = wardOf('attic/')
    assert.deepEqual(everywhere(mesh), { wards: ['attic/'] })
    mesh.wards.move = { to: wardOf('attic/0'), zones: mesh.wards.zones, sinceMs: T0, heard: new Set() }
    assert.deepEqual(beatPace(mesh, CONFIG, T0).wards, ['attic/', 'attic/0'])
  })
})
