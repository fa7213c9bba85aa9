import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import { DEFAULT_NEGOTIATION } from '../../../src/negotiation/config.ts'
import { createMesh, meshStep, nextWakeMs } from '../../../src/mesh/step.ts'
import type { MeshConfig, MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { heartbeat, T0 } from '../registry/fixtures.ts'

const CONFIG: MeshConfig = {
  cluster: 'test',
  version: '0',
  beatMs: 10_000,
  leaseMs: 30_000,
  deadMs: 60_000,
  syncMs: 30_000,
  joinMs: 3_000,
  passportTtlMs: 3_600_000,
  negotiation: DEFAULT_NEGOTIATION,
  topology: {},
}

function makeMesh() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh('me', CONFIG, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: CONFIG, rng: seededRng(1) }
  return { mesh, step: (input: MeshInput, nowMs: number) => meshStep(mesh, input, nowMs, env) }
}

const published = (effects: readonly MeshEffect[]) => effects.filter(({ type }) => type === 'publish').length

describe('leaving the mesh', () => {
  it('is said by a last heartbeat', () => {
    const { step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: true }, 0)
    const goodbye = step({ type: 'leave' }, 100).find((effect) => effect.type === 'publish')
    assert.ok(goodbye)
    assert.equal((goodbye.body as { state: string }).state, 'offline')
  })

  it('is not said while joining: a neighbour may know of a later epoch', () => {
    const { mesh, step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: false }, 0)
    assert.equal(published(step({ type: 'leave' }, 100)), 0)
    // The time to be ready alone passes and changes nothing.
    for (let i = 0; i < 10; i++) assert.equal(published(step({ type: 'wake' }, nextWakeMs(mesh) ?? 10_000)), 0)
    assert.equal(mesh.phase, 'leaving')
  })
})

describe('a link that stands', () => {
  it('is greeted by the step that hears of it, before anything else is sent', () => {
    const { step } = makeMesh()
    const sent = (effects: readonly MeshEffect[]) =>
      effects.flatMap((effect) => (effect.type === 'send' ? [`${effect.message.t} to ${effect.to}`] : []))
    step({ type: 'start', epoch: 7, alone: true }, 0)
    assert.equal(sent(step({ type: 'peer-up', peer: 'ann', wallMs: T0 }, 10))[0], 'hello to ann')
  })
})

describe('signs of life', () => {
  it('are as old as they say themselves, for the registry as for bargaining', () => {
    const { mesh, step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: true }, T0)
    const record = heartbeat('ann')
    mesh.negotiation.heardMs.set(record.author, T0)
    step({ type: 'record', record, ageMs: 0, statedAgeMs: 20_000 }, T0 + 25_000)
    assert.equal(mesh.registry.authors.get(record.author)?.beat?.bornMs, T0 + 5_000)
    assert.equal(mesh.negotiation.heardMs.get(record.author), T0 + 5_000)
  })
})

describe('other knobs', () => {
  it('are told by a heartbeat before anybody has waited in vain, or soon, and hold from then on', () => {
    let config = CONFIG
    const { mesh } = makeMesh()
    const step = (input: MeshInput, nowMs: number) => meshStep(mesh, input, nowMs, { config, rng: seededRng(1) })
    const told = (effects: readonly MeshEffect[]) =>
      effects.flatMap((one) => (one.type === 'publish' ? [(one.body as { intervalMs?: number }).intervalMs] : []))
    step({ type: 'start', epoch: 7, alone: true }, 0)
    config = { ...CONFIG, beatMs: 600_000, leaseMs: 1_800_000, deadMs: 3_600_000, syncMs: 600_000 }
    assert.deepEqual(told(step({ type: 'configured' }, 100)), [])
    assert.ok(nextWakeMs(mesh)! <= 1_000, 'long before the ten seconds that were promised are over')
    assert.deepEqual(told(step({ type: 'wake' }, 1_000)), [600_000])
    for (let atMs = nextWakeMs(mesh)!; atMs < 300_000; atMs = nextWakeMs(mesh)!) {
      assert.deepEqual(told(step({ type: 'wake' }, atMs)), [], `no beat at ${atMs}`)
    }
    config = { ...CONFIG, beatMs: 2_000 }
    assert.deepEqual(told(step({ type: 'configured' }, 300_000)), [2_000], 'the last one is long ago')
    assert.ok(nextWakeMs(mesh)! <= 302_001)
    step({ type: 'leave' }, 300_500)
    assert.deepEqual(told(step({ type: 'configured' }, 300_600)), [])
  })
})

describe('numbers of own records', () => {
  const numbers = (effects: readonly MeshEffect[]) =>
    effects.flatMap((effect) =>
      effect.type === 'publish' && effect.kind === 'heartbeat' ? [[effect.epoch, effect.seq]] : [],
    )

  it('rise with every epoch and within it', () => {
    const { step } = makeMesh()
    assert.deepEqual(numbers(step({ type: 'start', epoch: 7, alone: true }, 0)), [[7, 1]])
    assert.deepEqual(numbers(step({ type: 'epoch', epoch: 9 }, 10)), [[9, 1]])
    assert.deepEqual(numbers(step({ type: 'epoch', epoch: 9 }, 20)), [[9, 2]])
  })

  it('do not fall when the mesh told of a later epoch before the start', () => {
    const { step } = makeMesh()
    step({ type: 'epoch', epoch: 9 }, 0)
    assert.deepEqual(numbers(step({ type: 'start', epoch: 7, alone: true }, 10)), [[9, 1]])
  })

  it('are not given out before the start', () => {
    const { mesh, step } = makeMesh()
    const message: ControlMessage = { t: 'sync-records', body: { records: [], wants: [], more: false } }
    assert.equal(published(step({ type: 'message', from: 'peer', message }, 0)), 0)
    assert.equal(mesh.phase, 'joining')
    step({ type: 'start', epoch: 7, alone: false }, 10)
    assert.equal(published(step({ type: 'message', from: 'peer', message }, 20)), 1)
    assert.equal(mesh.phase, 'ready')
  })
})
