/** A running governance on a disk that is full: what it decides counts all the same. */
import assert from 'node:assert/strict'
import type { AuditDraft } from '../../../../src/model/audit.ts'
import type { Write } from '../../../../src/store/store.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import {
  admit,
  clusterOf,
  entryOn,
  GENESIS_PLACE,
  keyOf,
  MIA,
  NED,
  NOW_MS,
  OLI,
  revoke,
  someChange,
} from '../../governance/fixtures.ts'
import { governorOf } from './governor-of.ts'

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
  const governor = governorOf(
    {
      send: (to, { t }) => sent.push(`${t} to ${to}`),
      onRoster: (gone) => left.push(...gone),
    },
    { loop: disk },
  )

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

describe('an open cluster', () => {
  const open = clusterOf({ open: true })

  it('is open here too, except where all others are guests', () => {
    assert.equal(governorOf({}, { cluster: open }).open, true)
    assert.equal(governorOf({ guestsOnly: true }, { cluster: open }).open, false)
    assert.equal(governorOf().open, false)
  })
})

describe('proposals that a member brings', () => {
  it('are taken 64 at once and then one a second (decision 0012), of each member for itself', () => {
    const clock = manualClock(NOW_MS)
    const governor = governorOf({ clock })
    governor.take([admit(MIA.id), admit(NED.id), admit(OLI.id)])
    const bring = (from: string, count: number): void => {
      for (let n = 0; n < count; n++) {
        const entry = entryOn(GENESIS_PLACE, someChange(n), [])
        governor.onMessage(from, { t: 'gov-proposal', body: { entry: entry.bytes, refusals: [] } })
      }
    }
    const limited = () => governor.refused.get('rate-limited') ?? 0
    bring(NED.id, 64)
    assert.equal(limited(), 0)
    bring(NED.id, 10)
    assert.equal(limited(), 10)
    bring(OLI.id, 10)
    assert.equal(limited(), 10)
    clock.advance(3_000)
    bring(NED.id, 10)
    assert.equal(limited(), 17)
  })
})
