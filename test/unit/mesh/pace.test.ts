import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { beatIntervalMs, beatTtlMs, leastBeatGapMs, passportTtlMs, renewalMs } from '../../../src/mesh/pace.ts'
import { createMesh, meshStep, nextWakeMs } from '../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import { Heartbeat, MAX_HEARTBEAT_INTERVAL_MS } from '../../../src/model/heartbeat.ts'
import { TOPOLOGY_LIMITS } from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { MAX_TTL_MS } from '../../../src/wire/limits.ts'
import { heartbeat, passportBody, T0 } from '../registry/fixtures.ts'

const HOUR_MS = 3_600_000

/** A mesh node that was told to start, with so many others that have just been heard. */
function makeMesh(others: number) {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh('me', DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: DEFAULT_MESH, rng: seededRng(1) }
  const step = (input: MeshInput, nowMs = T0): MeshEffect[] => meshStep(mesh, input, nowMs, env)
  step({ type: 'passports', passports: [passportBody('me')] })
  for (let i = 0; i < others; i++) step({ type: 'record', record: heartbeat(`other-${i}`), ageMs: 0 })
  return { mesh, step }
}

const published = (effects: readonly MeshEffect[], kind: string) =>
  effects.flatMap((effect) => (effect.type === 'publish' && effect.kind === kind ? [effect] : []))

describe('mesh/pace', () => {
  it('leaves a mesh of up to 40 as it is configured', () => {
    for (const members of [0, 1, 40]) {
      assert.equal(beatIntervalMs(DEFAULT_MESH, members), 10_000)
      assert.equal(beatIntervalMs({ ...DEFAULT_MESH, beatMs: 500 }, members), 500)
    }
    assert.equal(beatTtlMs(DEFAULT_MESH, 10_000), DEFAULT_MESH.deadMs)
    assert.equal(leastBeatGapMs(10_000), 1_000)
    assert.equal(leastBeatGapMs(100), 1_000)
    const rng = seededRng(1)
    for (const members of [0, 1, 120]) {
      assert.equal(passportTtlMs(DEFAULT_MESH, members), HOUR_MS)
      assert.equal(renewalMs(DEFAULT_MESH, members, rng), HOUR_MS / 3)
    }
    assert.equal(rng.next(), seededRng(1).next(), 'a small mesh draws no chance for it')
  })

  it('has four heartbeats a second in any larger mesh, and so seldom renewals that they do not count', () => {
    const rng = seededRng(1)
    for (const members of [100, 1_000, 10_000, TOPOLOGY_LIMITS.members]) {
      const intervalMs = beatIntervalMs(DEFAULT_MESH, members)
      assert.equal((1_000 * members) / intervalMs, 4)
      assert.equal(beatTtlMs(DEFAULT_MESH, intervalMs), 6 * intervalMs)
      assert.ok(beatTtlMs(DEFAULT_MESH, intervalMs) <= MAX_TTL_MS)
      assert.equal(leastBeatGapMs(intervalMs), intervalMs / 10)
      const renewalsPerS = (1_000 * members) / renewalMs(DEFAULT_MESH, members, rng)
      assert.ok(renewalsPerS <= 0.45, `${renewalsPerS}`)
    }
    assert.equal(beatIntervalMs(DEFAULT_MESH, TOPOLOGY_LIMITS.members), MAX_HEARTBEAT_INTERVAL_MS)
    assert.equal(passportTtlMs(DEFAULT_MESH, 10_000), MAX_TTL_MS)
    assert.ok(renewalMs(DEFAULT_MESH, 1e6, rng) <= (2 / 3) * MAX_TTL_MS, 'long before it expires')
    const renewals = [1, 2, 3, 4].map((seed) => renewalMs(DEFAULT_MESH, 1_200, seededRng(seed)))
    assert.equal(new Set(renewals).size, 4, 'those who started together do not renew together')
    for (const ms of renewals) assert.ok(ms >= (0.8 * (10 * HOUR_MS)) / 3 && ms <= (10 * HOUR_MS) / 3)
  })

  it('is what heartbeats and passports say, and when the next ones come', () => {
    const { mesh, step } = makeMesh(159)
    const first = step({ type: 'start', epoch: 7, alone: true })
    const [beat] = published(first, 'heartbeat')
    assert.equal(Heartbeat.parse(beat?.body).intervalMs, 40_000)
    assert.equal(beat?.ttlMs, 240_000)
    assert.equal(published(first, 'passport')[0]?.ttlMs, (HOUR_MS * 160) / 120)
    const beatsAt: number[] = []
    for (let nowMs = T0; nowMs <= T0 + 45_000; nowMs = Math.max(nowMs + 1, nextWakeMs(mesh) ?? Infinity)) {
      if (published(step({ type: 'wake' }, nowMs), 'heartbeat').length > 0) beatsAt.push(nowMs - T0)
    }
    assert.equal(beatsAt.length, 1)
    assert.ok(beatsAt[0]! >= 36_000 && beatsAt[0]! <= 40_000, `${beatsAt[0]}`)
  })

  it('lets a change of state be told early, ten times as often as the rest at most', () => {
    const { mesh, step } = makeMesh(159)
    step({ type: 'start', epoch: 7, alone: true })
    mesh.negotiation.reserved = { ...mesh.negotiation.reserved, cpuMilli: 1_000 }
    step({ type: 'wake' }, T0 + 100)
    assert.equal(mesh.deadlines.get('beat'), T0 + 4_000)
  })

  it('counts the living alone', () => {
    const { mesh, step } = makeMesh(99)
    for (const member of mesh.topology.members.values()) member.verdict = 'offline'
    const [beat] = published(step({ type: 'start', epoch: 7, alone: true }), 'heartbeat')
    assert.equal(Heartbeat.parse(beat?.body).intervalMs, 10_000)
  })
})
