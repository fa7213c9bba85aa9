/** Asking who would take a job: as for one that is to run, and nothing comes of it. */
import assert from 'node:assert/strict'
import type { NegotiationEffect } from '../../../src/negotiation/types.ts'
import { NEGOTIATION_LIMITS } from '../../../src/negotiation/config.ts'
import { spec, Table } from '../../support/negotiation-table.ts'

const quotesOf = (table: Table, at: string) =>
  table.seat(at).effects.filter((effect): effect is NegotiationEffect & { type: 'quoted' } => effect.type === 'quoted')

function ask(
  table: Table,
  changes: Parameters<typeof spec>[0] = {},
  count = 1,
): NegotiationEffect & { type: 'quoted' } {
  const before = quotesOf(table, 'a').length
  table.input('a', { type: 'quote', jobId: 'q', spec: spec(changes), count })
  assert.ok(table.run(10_000, () => quotesOf(table, 'a').length > before))
  return quotesOf(table, 'a')[before]!
}

describe('a quote', () => {
  it('tells the bids and the declines of one round, gives all back, and leaves nothing behind', () => {
    const table = new Table(['a', 'b', 'c'])
    table.seat('b').local = { ...table.seat('b').local, open: false }
    const quoted = ask(table, {}, 2)
    assert.equal(quoted.slots, 2)
    assert.ok(quoted.bestScore > 0)
    const kinds = quoted.story.map(({ kind }) => kind)
    assert.deepEqual(kinds.toSorted(), ['bid', 'bid', 'declined', 'offered', 'released', 'released'])
    table.run(1_000)
    const { jobs, tasks, deadlines, dirtyJobs } = table.seat('a').state
    assert.deepEqual([jobs.size, tasks.size, dirtyJobs.size, deadlines.next()], [0, 0, 0, undefined])
    for (const { state } of table.seats.values()) assert.equal(state.reserved.cpuMilli + state.holds.size, 0)
    assert.equal(table.seat('a').stored.size, 0, 'nothing of it is stored')
    assert.deepEqual(table.started, [])
  })

  it('says so when nobody can be asked, and does not wait for who does not answer', () => {
    const table = new Table(['a', 'b'])
    const nobody = ask(table, { selector: 'zone=nowhere' })
    assert.deepEqual(
      [nobody.slots, nobody.bestScore, nobody.story.map(({ kind }) => kind)],
      [0, 0, ['not-asked', 'not-asked']],
    )
    const deaf = new Table(['a', 'b'], { drop: (_from, to) => to === 'b' })
    deaf.seat('a').local = { ...deaf.seat('a').local, accepting: false }
    const { slots, story } = ask(deaf)
    assert.equal(slots, 0)
    assert.ok(story.some((line) => line.kind === 'unreachable' && line.node === 'b'))
    assert.equal(deaf.seat('a').stored.size, 0, 'nor is anything stored while it waits')
  })

  it('promises no more slots than were asked for, however many are free', () => {
    const table = new Table(['a', 'b', 'c'])
    assert.equal(ask(table, {}, 3).slots, 3)
  })

  it('promises no more slots than its spread would let it grant', () => {
    const inZones = (zones: Readonly<Record<string, string>>): Table => {
      const table = new Table(Object.keys(zones))
      for (const [id, zone] of Object.entries(zones))
        table.seat(id).local = { ...table.seat(id).local, labels: { zone }, accepting: zone !== 'full' }
      return table
    }
    const spread = { over: 'zone', maxSkew: 1 } as const
    const crowded = { a: 'attic', b: 'attic', c: 'attic', d: 'full' }
    assert.equal(ask(inZones(crowded), { spread }, 3).slots, 1, 'one more than where none can be')
    assert.equal(ask(inZones(crowded), {}, 3).slots, 3)
    assert.equal(ask(inZones({ a: 'attic', b: 'barn', c: 'cellar' }), { spread }, 3).slots, 3)
  })

  it('counts among the jobs that a node keeps, and is never dropped for a newer one', () => {
    const table = new Table(['a', 'b'], { drop: () => true })
    for (let i = 0; i < NEGOTIATION_LIMITS.jobs; i++)
      table.input('a', { type: 'quote', jobId: `q${i}`, spec: spec(), count: 1 })
    assert.throws(() => table.input('a', { type: 'quote', jobId: 'more', spec: spec(), count: 1 }), {
      code: 'too-many-jobs',
    })
    table.run(10_000)
    assert.equal(quotesOf(table, 'a').length, NEGOTIATION_LIMITS.jobs)
  })
})
