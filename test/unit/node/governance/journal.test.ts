/** What others can make a node write by merely asking is bounded; what was left out is counted (decision 0014). */
import assert from 'node:assert/strict'
import { GovernanceJournal } from '../../../../src/node/governance/journal.ts'
import type { AuditDraft } from '../../../../src/model/audit.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { HOME, keyOf, NOW_MS } from '../../governance/fixtures.ts'

const peer = keyOf('stranger').id
const refused = { type: 'audit', event: { type: 'ticket.refused', ticket: HOME.id, peer, reason: 'spent' } } as const
const expired = { type: 'audit', event: { type: 'member.expired', peer } } as const

describe('the journal of governance', () => {
  let written: AuditDraft[]
  const clock = manualClock(NOW_MS)
  const count = (type: AuditDraft['type']) => written.filter((event) => event.type === type).length
  const loop = {
    note: (event: AuditDraft) => void written.push(event),
    writeDurably: (_writes: unknown, events: readonly AuditDraft[]) => void written.push(...events),
    writeWhenPossible: () => {},
  }
  beforeEach(() => (written = []))

  it('holds two hundred refusals at once and then one a second, and says how many it left out', () => {
    const journal = new GovernanceJournal({ loop: () => loop, clock })
    for (let n = 0; n < 1_000; n++) journal.write([refused])
    assert.equal(count('ticket.refused'), 200)
    clock.advance(3_000)
    for (let n = 0; n < 10; n++) journal.write([refused])
    assert.equal(count('ticket.refused'), 203)
    const omitted = written.flatMap((event) => (event.type === 'audit.omitted' ? [event.count] : []))
    assert.deepEqual(omitted, [800])
  })

  it('leaves out nothing that others cannot cause by asking', () => {
    const journal = new GovernanceJournal({ loop: () => loop, clock })
    for (let n = 0; n < 1_000; n++) journal.write([refused, expired])
    assert.equal(count('member.expired'), 1_000)
  })
})
