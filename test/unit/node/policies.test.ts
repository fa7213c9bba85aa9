import assert from 'node:assert/strict'
import type { AuditDraft } from '../../../src/model/audit.ts'
import type { MeshInput, MeshState } from '../../../src/mesh/types.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import { NodePolicy, type PolicyChange } from '../../../src/node/node-policy.ts'
import { mayStart, Policies, type Decided } from '../../../src/node/policies.ts'
import { evaluate } from '../../../src/policy/evaluate.ts'
import type { CompiledPolicy } from '../../../src/policy/types.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { fillable, idleLoop } from '../../support/journal.ts'
import { factsOf } from '../../support/policy.ts'

const text = (name: string, rule = "{ name: a, allow: 'true' }"): string =>
  `apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec:\n  rules:\n    - ${rule}\n`

describe('node/policies', () => {
  let store = fillable(createMemoryStore())
  let inForce: readonly CompiledPolicy[] | undefined
  let noted: AuditDraft[] = []
  /** Changes of the node's own, each with what was in force as it was told. */
  let told: (PolicyChange & { readonly inForce: string | undefined })[] = []

  /** As after a start: nothing is restored. */
  function open(): { own: NodePolicy; policies: Policies } {
    inForce = undefined
    noted = []
    told = []
    const input = (one: MeshInput) => void (one.type === 'policies' && (inForce = one.policies))
    const own = new NodePolicy({ store, loop: idleLoop(store, noted), nowMs: () => 5, log: SILENT })
    const onOwn = (change: PolicyChange) => void told.push({ ...change, inForce: inForce?.[0]?.name })
    return { own, policies: new Policies({ own, onOwn, input, log: SILENT }) }
  }

  async function restored(decided: Decided = {}): Promise<{ own: NodePolicy; policies: Policies }> {
    const opened = open()
    await opened.own.restore()
    await opened.policies.restore(decided)
    return opened
  }

  beforeEach(() => {
    store = fillable(createMemoryStore())
  })

  it('has nothing to say where nothing was applied', async () => {
    const { own } = await restored()
    assert.deepEqual([own.inForce, own.history, inForce], [undefined, [], undefined])
  })

  it('tells its mesh what was applied or removed, and the event, before it is in force there', async () => {
    const { own } = await restored()
    await own.apply(text('one'), 'one.yaml', 'me')
    await own.apply(text('two'), 'two.yaml', 'me')
    own.remove('me')
    assert.deepEqual(
      told.map(({ what, name, inForce: before }) => [what, name, before]),
      [
        ['applied', 'one', undefined],
        ['applied', 'two', 'one'],
        ['removed', 'two', 'two'],
      ],
    )
    assert.deepEqual(
      told.map(({ event }) => event),
      noted,
    )
  })

  it('stores each version with who, when and hash, and takes up the last one again', async () => {
    const { own } = await restored()
    await own.apply(text('one'), 'one.yaml', 'me')
    await own.apply(text('two'), 'two.yaml', 'you')
    assert.deepEqual(
      noted.map((event) => [event.type, 'version' in event && event.version, 'by' in event && event.by]),
      [
        ['policy.applied', 1, 'me'],
        ['policy.applied', 2, 'you'],
      ],
    )
    const { own: again } = await restored()
    assert.equal(again.inForce?.name, 'two')
    assert.equal(inForce?.[0]?.name, 'two')
    assert.deepEqual(
      again.history.map(({ version, name, by, atMs, rules }) => [version, name, by, atMs, rules]),
      [
        [2, 'two', 'you', 5, 1],
        [1, 'one', 'me', 5, 1],
      ],
    )
    assert.equal(new Set(again.history.map(({ sha256 }) => sha256)).size, 2)
    again.remove('me')
    assert.deepEqual([again.inForce, inForce], [undefined, []])
    const { own: last } = await restored()
    assert.deepEqual([last.inForce, inForce, last.history.length], [undefined, undefined, 3])
  })

  it('changes nothing for a faulty one', async () => {
    const { own } = await restored()
    await own.apply(text('one'), 'one.yaml', 'me')
    await assert.rejects(own.apply(text('two', "{ name: a, deny: 'task' }"), 'two.yaml', 'me'), {
      code: 'bad-policy',
      message: 'two.yaml:6:24: spec.rules[0].deny: expected true or false, found $task',
    })
    assert.deepEqual([own.inForce?.name, own.history.length], ['one', 1])
  })

  it('changes nothing, and tells of nothing, when the disk takes nothing', async () => {
    const { own } = await restored()
    await own.apply(text('one'), 'one.yaml', 'me')
    store.isFull = true
    await assert.rejects(own.apply(text('two'), 'two.yaml', 'me'), /no space/)
    assert.throws(() => own.remove('me'), /no space/)
    assert.deepEqual([own.inForce?.name, own.history.length, noted.length], ['one', 1, 1])
  })

  it('refuses everything with a stored one that it cannot use any more, and says why', async () => {
    const { own } = await restored()
    await own.apply(text('one'), 'one.yaml', 'me')
    const [[key, doc] = []] = store.load('policy')
    store.write([
      { collection: 'policy', key: key!, doc: { ...(doc as object), text: text('one', '{ name: a, later: 1 }') } },
    ])
    const { own: again } = await restored()
    assert.match(again.asked!.unusable!, /policy version 1:6:\d+: spec\.rules\[0\]/)
    const verdict = evaluate(inForce!, factsOf())
    assert.ok(!verdict.allowed)
    assert.match(verdict.refusals[0]!.saw, /spec\.rules\[0\]/)
    await again.apply(text('two'), 'two.yaml', 'me')
    assert.equal(again.asked?.unusable, undefined)
  })

  it('asks that of the cluster beside its own: both must allow, and each is replaced by itself', async () => {
    const { own, policies } = await restored()
    const decided = (version: number, body: string) => ({ hash: `${version}`, version, text: body })
    await own.apply(text('own'), 'own.yaml', 'me')
    assert.ok(await policies.decide('cluster', decided(1, text('law', "{ name: b, deny: 'true' }"))))
    const asked = () => inForce!.map(({ domain, name }) => [domain, name])
    assert.deepEqual(asked(), [
      ['node', 'own'],
      ['cluster', 'law'],
    ])
    const verdict = evaluate(inForce!, factsOf())
    assert.ok(!verdict.allowed)
    assert.deepEqual(
      verdict.refusals.map(({ domain, policy, rule }) => [domain, policy, rule]),
      [['cluster', 'law', 'b']],
    )
    await own.apply(text('other'), 'own.yaml', 'me')
    assert.deepEqual(asked()[1], ['cluster', 'law'])
    assert.ok(!evaluate(inForce!, factsOf()).allowed)
    assert.deepEqual(policies.decidedAt('cluster'), { name: 'law', version: 1 })
    await policies.decide('cluster', decided(2, text('law', "{ name: b, deny: 'task' }")))
    assert.match(
      policies.decidedAt('cluster')?.unusable ?? '',
      /cluster policy version 2:6:\d+: spec\.rules\[0\]\.deny/,
    )
    assert.ok(!evaluate(inForce!, factsOf()).allowed)
    await policies.decide('cluster', decided(3, ''))
    assert.deepEqual([asked(), policies.decidedAt('cluster')], [[['node', 'other']], undefined])
    assert.equal(await policies.decide('cluster', decided(3, '')), false, 'nothing new')
    // After a restart both are there before anything runs.
    await restored({ cluster: decided(4, text('fourth')) })
    assert.deepEqual(asked(), [
      ['node', 'other'],
      ['cluster', 'fourth'],
    ])
  })

  it('follows the last of two decisions that come at once, whichever is read first', async () => {
    const { policies } = await restored()
    const slow = `${text('slow')}${'# filler\n'.repeat(4_000)}`
    const both = [
      policies.decide('cluster', { hash: 'a', version: 1, text: slow }),
      policies.decide('cluster', { hash: 'b', version: 2, text: '' }),
    ]
    assert.deepEqual(await Promise.all(both), [false, true])
    assert.deepEqual(inForce, [])
  })

  it('keeps a hundred versions', async () => {
    const { own } = await restored()
    for (let i = 0; i < 101; i++) await own.apply(text('one'), 'one.yaml', 'me')
    assert.equal(store.load('policy').size, 100)
    assert.deepEqual([own.history.at(-1)!.version, own.history[0]!.version], [2, 101])
  })

  it('asks before each start, also where there is no policy: whose a submitter is may have changed', () => {
    const contract: Partial<ContractState> = {}
    const mesh = { negotiation: { contracts: new Map([['run', contract]]) } } as unknown as MeshState
    const asked: MeshInput[] = []
    const input = (one: MeshInput) => (asked.push(one), [])
    assert.equal(mayStart({ input }, mesh, 'run'), true)
    assert.equal(mayStart({ input: () => ((contract.stopWhy = 'policy'), []) }, mesh, 'run'), false)
    assert.deepEqual(asked, [{ type: 'run-starting', runId: 'run' }])
  })
})
