/** What the mesh writes into the audit log, and what it makes of the heads of others. */
import assert from 'node:assert/strict'
import { Frontier } from '../../../src/audit/frontier.ts'
import { hashLeaf } from '../../../src/audit/hashing.ts'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import type { AuditDraft } from '../../../src/model/audit.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { spec } from '../../support/negotiation-table.ts'
import { heartbeat, signerOf, T0 } from '../registry/fixtures.ts'

const FRIEND = 'friend'
const root = (...events: string[]): Uint8Array => {
  const frontier = new Frontier()
  for (const event of events) frontier.append(hashLeaf(Buffer.from(event)))
  return frontier.root()
}

function makeMesh() {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: [], trusted: new Set([FRIEND]), open: false }
  const mesh = createMesh('me', DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const head = { size: 3, root: root('a', 'b', 'c') }
  const env = { config: DEFAULT_MESH, rng: seededRng(1), auditHead: () => head }
  const step = (input: MeshInput, nowMs = T0) => meshStep(mesh, input, nowMs, env)
  return { mesh, step, head }
}

const events = (effects: readonly MeshEffect[]): AuditDraft[] =>
  effects.flatMap((effect) => (effect.type === 'audit' ? [effect.event] : []))

describe('mesh/audit', () => {
  it('tells its own head in its heartbeats', () => {
    const { step, head } = makeMesh()
    const beat = step({ type: 'start', epoch: 7, alone: true }).find(
      (effect) => effect.type === 'publish' && effect.kind === 'heartbeat',
    )
    assert.deepEqual((beat as { body: { audit: unknown } }).body.audit, head)
  })

  it('lets no stranger fill the log, and says how much it left out; of a trusted peer all is written', () => {
    const { step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: true })
    const flood = (from: string): number => {
      let written = 0
      for (let n = 0; n < 3_000; n++) {
        const body = { offerId: `o${n}`, jobId: 'j', slots: 1, spec: spec() }
        written += events(step({ type: 'message', from, message: { t: 'offer', body } })).length
      }
      return written
    }
    assert.equal(flood('stranger'), 2_000)
    assert.equal(flood(FRIEND), 6_000, 'an offer and its decline each')
    const told = events(step({ type: 'wake' }, T0 + 60_000)).find(({ type }) => type === 'audit.omitted')
    assert.deepEqual(told, { type: 'audit.omitted', count: 4_000, peer: 'stranger' })
  })

  it('accuses whoever signs two roots for one size, once, and keeps the proof over a restart', () => {
    const { mesh, step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: true })
    const ann = signerOf('ann').id
    const hear = (seq: number, ...log: string[]) => {
      const record = heartbeat('ann', { seq, audit: { size: log.length, root: root(...log) } })
      return step({ type: 'record', record, ageMs: 0 })
    }
    assert.deepEqual(events(hear(1, 'a', 'b')), [{ type: 'member.joined', peer: ann }])
    const accused = hear(2, 'a', 'x')
    assert.deepEqual(events(accused), [{ type: 'audit.alarm', peer: ann, what: 'forked' }])
    const stored = accused.find((effect) => effect.type === 'persist')
    assert.ok(stored?.type === 'persist' && stored.collection === 'audit-alarm')
    assert.deepEqual(events(hear(3, 'a', 'y')), [])
    const later = makeMesh()
    later.step({ type: 'restore-audit', heads: new Map(), alarms: new Map([[ann, structuredClone(stored.doc)]]) })
    assert.deepEqual(later.mesh.audit.witness.alarms.get(ann), mesh.audit.witness.alarms.get(ann))
    const accepted = step({ type: 'accept-log', peer: ann })
    assert.deepEqual(events(accepted), [{ type: 'audit.accepted', peer: ann }])
    assert.equal(mesh.audit.witness.alarms.size, 0)
  })

  it('takes nothing from a disk that is not what it wrote', () => {
    const { mesh, step } = makeMesh()
    const docs = new Map<string, unknown>([
      ['a', { size: -1 }],
      ['b', null],
      ['c', 'text'],
    ])
    step({ type: 'restore-audit', heads: docs, alarms: docs })
    assert.deepEqual([mesh.audit.witness.heads.size, mesh.audit.witness.alarms.size], [0, 0])
  })

  it('asks a neighbour whose log grew for its proof, and nobody else', () => {
    const { step } = makeMesh()
    step({ type: 'start', epoch: 7, alone: true })
    const ann = signerOf('ann').id
    for (const [seq, log] of [['a'], ['a', 'b'], ['a', 'b', 'c']].entries()) {
      const audit = { size: log.length, root: root(...log) }
      step({ type: 'record', record: heartbeat('ann', { seq: seq + 1, audit }), ageMs: 0 })
    }
    const asked = (nowMs: number) =>
      step({ type: 'wake' }, nowMs).flatMap((effect) =>
        effect.type === 'send' && effect.message.t === 'audit-ask' ? [[effect.to, effect.message.body.want]] : [],
      )
    assert.deepEqual(asked(T0 + 50_000), [], 'there is no link')
    step({ type: 'peer-up', peer: ann, wallMs: T0 }, T0 + 50_000)
    assert.deepEqual(asked(T0 + 110_000), [[ann, { type: 'consistency', sizes: [1, 2, 3] }]])
  })
})
