import assert from 'node:assert/strict'
import { candidatesOf } from '../../../src/mesh/candidates.ts'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import { annotationsOfCordon, readCordon } from '../../../src/model/cordon.ts'
import { Heartbeat } from '../../../src/model/heartbeat.ts'
import { Passport } from '../../../src/model/passport.ts'
import type { Operation } from '../../../src/model/operation.ts'
import { TaskSpec } from '../../../src/model/task.ts'
import { notAskable } from '../../../src/negotiation/constraints.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { heartbeat, machine, odd, passportBody, signerOf, T0 } from '../registry/fixtures.ts'

const SELF = signerOf('me').id

/** A node that is ready, alone, and has told of its machine and of a service on it. */
function ready() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: ['process'], trusted: new Set<string>(), open: true }
  const mesh = createMesh(SELF, DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: DEFAULT_MESH, rng: seededRng(1) }
  let nowMs = T0
  const step = (input: MeshInput) => meshStep(mesh, input, (nowMs += 1_000), env)
  const passports = [passportBody('me', { machineOf: SELF, note: 'mine' }), passportBody('writer')]
  step({ type: 'passports', passports })
  const start = step({ type: 'start', epoch: 7, alone: true })
  const ask = (operation: Operation) => step({ type: 'operate', operation, by: 'ann' })
  return { mesh, step, ask, start, now: () => nowMs }
}

/** The annotations of each machine passport that is published. */
const told = (effects: readonly MeshEffect[]) =>
  effects.flatMap((effect) => {
    if (effect.type !== 'publish' || effect.kind !== 'passport') return []
    const { metadata, spec } = Passport.parse(effect.body)
    return spec.node ? [metadata.annotations] : []
  })

describe('mesh/cordon', () => {
  it('is told by the passport of the machine, once each time that it changes', () => {
    const { ask, step, start } = ready()
    assert.deepEqual(told(start), [{ note: 'mine' }])
    const [first, ...more] = told(ask({ name: 'cordon', reason: 'kernel update' }))
    assert.equal(first!['note'], 'mine')
    assert.deepEqual(readCordon(first!), { state: 'cordoned', by: 'ann', reason: 'kernel update' })
    assert.deepEqual(more, [])
    assert.deepEqual(told(step({ type: 'wake' })), [])
    assert.deepEqual(told(ask({ name: 'drain' })).map(readCordon), [
      { state: 'drained', by: 'ann', reason: 'kernel update' },
    ])
    assert.deepEqual(told(ask({ name: 'drain' })), [], 'asked for again it is no news')
    assert.deepEqual(told(ask({ name: 'uncordon' })), [{ note: 'mine' }])
  })

  it('changes nothing of a heartbeat, which older members would refuse', () => {
    const { ask, step, mesh } = ready()
    ask({ name: 'cordon' })
    mesh.deadlines.set('beat', T0)
    const beats = step({ type: 'wake' }).flatMap((one) =>
      one.type === 'publish' && one.kind === 'heartbeat' ? [one] : [],
    )
    assert.deepEqual(
      beats.map(({ body }) => Heartbeat.parse(body).state),
      ['ready'],
    )
  })

  it('keeps submitters from asking the node, which say why', () => {
    const { mesh, step, now } = ready()
    const spec = TaskSpec.parse({ command: ['true'] })
    const why = () => candidatesOf(mesh, now()).map((one) => [one.name, notAskable(spec, one)])
    const [beat, before] = [heartbeat('cellar'), machine('cellar')]
    for (const record of [beat, before]) step({ type: 'record', record, ageMs: 0, statedAgeMs: 0 })
    assert.deepEqual(why(), [
      ['cellar', undefined],
      [SELF, undefined],
    ])
    const body = passportBody('cellar', { machineOf: signerOf('cellar').id })
    body.metadata.annotations = annotationsOfCordon({ state: 'draining', by: 'oli', reason: 'new disk' })
    const record = odd('cellar', 'passport', 'default/cellar', body, { seq: 2 })
    step({ type: 'record', record, ageMs: 0, statedAgeMs: 0 })
    step({ type: 'operate', operation: { name: 'cordon' }, by: 'ann' })
    assert.deepEqual(why(), [
      ['cellar', 'draining by oli: new disk'],
      [SELF, 'cordoned by ann'],
    ])
  })

  it('that a stranger asks for again and again is refused, and written down so often and no more', () => {
    const { mesh, now } = ready()
    const env = { config: DEFAULT_MESH, rng: seededRng(1) }
    const body = { nonce: 7, operation: { name: 'cordon' as const }, dryRun: false }
    const asked = Array.from({ length: 2_100 }, () =>
      meshStep(mesh, { type: 'message', from: 'eve', message: { t: 'operate', body } }, now(), env),
    )
    const written = asked.flat().filter((one) => one.type === 'audit' && one.event.type === 'operation.refused')
    assert.equal(written.length, 2_000)
    assert.equal(mesh.negotiation.cordon, undefined)
  })

  it('takes no annotation for one that says what it could not', () => {
    const key = 'althing.dev/cordon'
    for (const annotations of [
      {},
      { [key]: 'burning', [`${key}-by`]: 'ann' },
      { [key]: 'cordoned' },
      { [key]: 'cordoned', [`${key}-by`]: 'x'.repeat(65) },
      { [key]: 'cordoned', [`${key}-by`]: 'ann', [`${key}-reason`]: 'up\u001b[2J' },
    ])
      assert.equal(readCordon(annotations), undefined, JSON.stringify(annotations))
  })
})
