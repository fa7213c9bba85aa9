import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshInput } from '../../../src/mesh/types.ts'
import { whereaboutsOf } from '../../../src/mesh/zones.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { heartbeat, passport, signerOf, T0 } from '../registry/fixtures.ts'

/** A mesh with members at given places, in microseconds on one axis, and with given labels. */
function makeMesh(members: Readonly<Record<string, { at?: number; labels?: Record<string, string> }>>) {
  const facts = { labels: {}, capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 30 }, drivers: [] }
  const limits = { holdsCpuLimit: false, holdsMemoryLimit: false }
  const mesh = createMesh('me', DEFAULT_MESH, { ...facts, ...limits, trusted: new Set<string>(), open: true })
  const env = { config: DEFAULT_MESH, rng: seededRng(1) }
  const step = (input: MeshInput, atMs: number) => meshStep(mesh, input, atMs, env)
  step({ type: 'start', epoch: 7, alone: true }, T0)
  const tell = (name: string, at: number, seq: number, atMs = T0) => {
    const coordinate = { at: [at, 0, 0, 0], height: 10, adjustment: 0, error: 100 }
    step({ type: 'record', record: heartbeat(name, { seq, coordinate }), ageMs: 0 }, atMs)
  }
  for (const [name, { at, labels = {} }] of Object.entries(members)) {
    const machineOf = signerOf(name).id
    step({ type: 'record', record: passport(name, name, { machineOf, labels }), ageMs: 0 }, T0)
    if (at === undefined) step({ type: 'record', record: heartbeat(name), ageMs: 0 }, T0)
    else tell(name, at, 1)
  }
  const shown = (nowMs = T0) =>
    Object.fromEntries(
      Object.keys(members).map((name) => {
        const { zone, region } = whereaboutsOf(mesh, nowMs).get(signerOf(name).id) ?? {}
        return [name, `${zone?.name ?? '-'} ${region?.name ?? '-'}`]
      }),
    )
  return { shown, tell }
}

describe('mesh/zones', () => {
  it('takes what labels say, the well-known ones first', () => {
    const { shown } = makeMesh({
      ann: { labels: { 'topology.kubernetes.io/zone': 'z1', 'topology.kubernetes.io/region': 'r1' } },
      ben: { labels: { zone: 'attic', 'topology.kubernetes.io/zone': 'z1', region: 'home' } },
      dan: { labels: { zone: 'attic' } },
      cyd: {},
    })
    assert.deepEqual(shown(), { ann: 'z1 r1', ben: 'z1 home', dan: 'attic -', cyd: '- -' })
  })

  it('infers the others by distance, named after the label most near them have, or one of them', () => {
    const { shown } = makeMesh({
      ann: { at: 0, labels: { zone: 'attic' } },
      ben: { at: 1_000, labels: { zone: 'attic' } },
      cyd: { at: 1_500, labels: { zone: 'cellar' } },
      dan: { at: 2_000 },
      eve: { at: 90_000 },
      fay: { at: 120_000 },
    })
    const { dan, eve, fay, cyd } = shown()
    assert.equal(cyd!.split(' ')[0], 'cellar', 'its label counts')
    assert.equal(dan!.split(' ')[0], 'attic')
    assert.equal(eve!.split(' ')[0], '~eve')
    assert.equal(fay!.split(' ')[0], '~fay', 'zones 30 ms apart')
    assert.equal(eve!.split(' ')[1], fay!.split(' ')[1], 'and one region')
  })

  it('keeps its answer for some seconds, and then goes on from it', () => {
    const { shown, tell } = makeMesh({ ann: { at: 0, labels: { zone: 'attic' } }, ben: { at: 5_000 } })
    assert.equal(shown()['ben']!.split(' ')[0], 'attic')
    tell('ben', 9_000, 2, T0 + 1_000)
    assert.equal(shown(T0 + 5_500)['ben']!.split(' ')[0], 'attic', 'not far enough to leave')
    tell('ben', 60_000, 3, T0 + 6_000)
    assert.equal(shown(T0 + 6_000)['ben']!.split(' ')[0], 'attic')
    assert.equal(shown(T0 + 11_000)['ben']!.split(' ')[0], '~ben')
    tell('ben', 9_000, 4, T0 + 12_000)
    assert.equal(shown(T0 + 17_000)['ben']!.split(' ')[0], '~ben', 'near, but not near enough to join')
  })
})
