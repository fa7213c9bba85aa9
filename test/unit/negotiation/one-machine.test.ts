/** A machine in several clusters: each bargains by itself, and together they never promise more than there is. */
import assert from 'node:assert/strict'
import { seededRng } from '../../../src/util/rng.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { spec, Table } from '../../support/negotiation-table.ts'
import { PERMIT_EVERYTHING, policyOf } from '../../support/policy.ts'

const MIB = 1024 ** 2
const CAPACITY = { cpuMilli: 2_000, memoryBytes: 1_024 * MIB }

describe('one machine in two clusters', () => {
  it('declines what the other has reserved, and tells who waits when it is free again', () => {
    const table = new Table(['ann', 'house', 'works'], {
      capacity: CAPACITY,
      oneMachine: ['house', 'works'],
      runMs: 500,
    })
    const large = spec({ resources: { cpuMilli: 1_500, memoryBytes: MIB } })
    const at = (selector: string) => ({ ...large, selector: `kubernetes.io/hostname=${selector}` })
    table.input('ann', { type: 'submit', jobId: 'one', spec: at('house'), count: 1, placeTimeoutMs: 60_000 })
    assert.ok(table.run(400, () => table.started.length === 1))
    table.input('ann', { type: 'submit', jobId: 'two', spec: at('works'), count: 1, placeTimeoutMs: 60_000 })
    table.run(100)
    const story = table.seat('ann').state.jobs.get('two')!.story
    const declined = story.find((line) => line.kind === 'declined')
    assert.deepEqual(
      declined?.kind === 'declined' && declined.reasons.map(({ constraint, temporary }) => [constraint, temporary]),
      [['cpu', true]],
    )
    assert.deepEqual(declined?.kind === 'declined' && declined.wouldFit, {
      cpuMilli: 500,
      memoryBytes: CAPACITY.memoryBytes - MIB,
    })
    const endsMs = table.nowMs + 5_000
    assert.ok(table.run(5_000, () => table.started.length === 2))
    assert.ok(table.nowMs < endsMs - 3_000, 'it was told, and did not have to wait for its own next round')
    const told = table.messages.filter(({ from, to, message }) => [from, to, message.t].join() === 'works,ann,capacity')
    assert.ok(told.length > 0)
  })

  it('counts for the policy of the machine what both do, and for that of a cluster what is done there', () => {
    for (const domain of ['node', 'cluster'] as const) {
      const table = new Table(['ann', 'house', 'works'], {
        capacity: CAPACITY,
        oneMachine: ['house', 'works'],
        runMs: 20_000,
      })
      const quota = { name: 'two', quota: { per: 'everyone', atOnce: 2 } }
      for (const id of ['house', 'works'])
        table.seat(id).policies = [compilePolicy(domain, policyOf([PERMIT_EVERYTHING, quota]))]
      for (const [jobId, host, count] of [
        ['one', 'house', 2],
        ['two', 'works', 1],
      ] as const) {
        const small = { resources: { cpuMilli: 100, memoryBytes: MIB }, selector: `kubernetes.io/hostname=${host}` }
        table.input('ann', { type: 'submit', jobId, spec: spec(small), count, placeTimeoutMs: 60_000 })
        table.run(1_000)
      }
      const refused = table
        .seat('ann')
        .state.jobs.get('two')!
        .story.find((line) => line.kind === 'declined')
      if (domain === 'cluster') assert.deepEqual([table.started.length, refused], [3, undefined])
      else {
        assert.equal(table.started.length, 2)
        assert.ok(refused?.kind === 'declined')
        assert.match(refused.reasons[0]!.measured, /^2 tasks of all submitters now$/)
        assert.ok(
          table.run(40_000, () => table.started.length === 3),
          'it is told when one has ended',
        )
      }
    }
  })

  it('never reserves more than there is, whoever asks for what when; and everything gets its turn', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const rng = seededRng(seed)
      const table = new Table(['ann', 'bob', 'house', 'works', 'third'], {
        capacity: CAPACITY,
        oneMachine: ['house', 'works', 'third'],
        runMs: 50 + rng.int(400),
        config: { holdMs: 300 },
        drop: () => rng.next() < 0.02,
      })
      for (const id of ['ann', 'bob']) table.seat(id).local = { ...table.seat(id).local, accepting: false }
      const seats = ['house', 'works', 'third'].map((id) => table.seat(id))
      const jobs = 6
      for (let job = 0; job < jobs; job++) {
        const resources = { cpuMilli: 100 + rng.int(1_900), memoryBytes: (1 + rng.int(1_000)) * MIB }
        const from = rng.pick(['ann', 'bob'])
        const input = { type: 'submit', jobId: `j${job}`, spec: spec({ resources }), count: 1 + rng.int(3) } as const
        table.input(from, { ...input, placeTimeoutMs: 3_600_000 })
        table.run(rng.int(200), () => overcommitted())
        assert.ok(!overcommitted(), `seed ${seed}`)
      }
      function overcommitted(): boolean {
        const sum = (what: 'cpuMilli' | 'memoryBytes') =>
          seats.reduce((total, { state }) => total + state.reserved[what], 0)
        return sum('cpuMilli') > CAPACITY.cpuMilli || sum('memoryBytes') > CAPACITY.memoryBytes
      }
      const tasks = () => ['ann', 'bob'].flatMap((id) => [...table.seat(id).state.tasks.values()])
      table.run(600_000, () => overcommitted() || tasks().every(({ state }) => state === 'succeeded'))
      assert.ok(!overcommitted(), `seed ${seed}`)
      assert.ok(
        tasks().every(({ state }) => state === 'succeeded'),
        `seed ${seed}: ${tasks()
          .map(({ state }) => state)
          .join()}`,
      )
    }
  })
})
