/** A running governance on a disk that is full: what it decides counts all the same. */
import assert from 'node:assert/strict'
import { Governor } from '../../../../src/node/governance/governor.ts'
import { GovernanceJournal } from '../../../../src/node/governance/journal.ts'
import type { AuditDraft } from '../../../../src/model/audit.ts'
import type { Write } from '../../../../src/store/store.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { SILENT } from '../../../../src/util/logger.ts'
import { admit, HOME, keyOf, MIA, NED, NOW_MS, revoke } from '../../governance/fixtures.ts'

/** The loop as the journal knows it. */
class Disk {
  isFull = false
  readonly written: (Write | AuditDraft)[] = []
  readonly waiting: (Write | AuditDraft)[] = []

  note(event: AuditDraft): void {
    this.written.push(event)
  }

  writeDurably(writes: readonly Write[], events: readonly AuditDraft[]): void {
    if (this.isFull) throw new Error('database or disk is full')
    this.written.push(...writes, ...events)
  }

  writeWhenPossible(writes: readonly Write[], events: readonly AuditDraft[]): void {
    this.waiting.push(...writes, ...events)
  }
}

describe('governance on a full disk', () => {
  const disk = new Disk()
  const left: string[] = []
  const sent: string[] = []
  const clock = manualClock(NOW_MS)
  const governor = new Governor({
    stored: { ...HOME, statements: [], tickets: new Map(), proposals: [] },
    signer: MIA,
    journal: new GovernanceJournal({ loop: () => disk, clock }),
    clock,
    log: SILENT,
    send: (to, { t }) => sent.push(`${t} to ${to}`),
    onRoster: (gone) => left.push(...gone),
    onDecision: () => {},
    tell: () => {},
    pick: ([first]) => first!,
  })

  it('cuts off who is expelled, tells nobody, and writes it as soon as it can', () => {
    governor.take([admit(MIA.id), admit(NED.id), admit(keyOf('far').id)])
    governor.run({ type: 'peer-up', peer: NED.id })
    governor.run({ type: 'peer-up', peer: keyOf('far').id })
    const before = disk.written.length
    assert.ok(before > 0)
    sent.length = 0
    disk.isFull = true
    assert.throws(() => governor.take([revoke(NED.id)]), /full/)
    assert.deepEqual(left, [NED.id])
    assert.ok(!governor.mayLink(NED.id))
    assert.deepEqual(sent, [])
    assert.equal(disk.written.length, before)
    const waiting = disk.waiting.map((what) => ('type' in what ? what.type : what.collection))
    assert.deepEqual(waiting, ['statement', 'member.revoked'])
  })
})
