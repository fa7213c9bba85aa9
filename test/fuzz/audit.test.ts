/** The decoder of audit events, and the proofs of others: whatever comes, refused with a code or taken as it is. */
import assert from 'node:assert/strict'
import type { AuditEvent } from '../../src/model/audit.ts'
import { decodeEvent, encodeEvent } from '../../src/wire/audit-event.ts'
import { encode } from '../../src/wire/codec.ts'
import { fuzz, MUTATIONS, SEED } from './fuzz.ts'
import { mutateValue } from './mutate-values.ts'
import { mutate } from './mutate.ts'

const PEER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
const atMs = 1_790_000_000_000
const attempt = { atMs, taskId: 'k3j2-1', attempt: 1, peer: PEER }
const offer = { atMs, offerId: 'k3j2-o1', peer: PEER }

const EVENTS: readonly AuditEvent[] = [
  { type: 'daemon.started', atMs, epoch: 1_790_000_000, version: '0.1.0', open: false },
  { type: 'member.joined', atMs, peer: PEER },
  { type: 'offer.sent', ...offer, jobId: 'k3j2', slots: 3 },
  {
    type: 'decline.received',
    ...offer,
    reasons: [{ constraint: 'cpu', wanted: '2 cores', measured: '1 core' }],
  },
  { type: 'award.sent', ...attempt, offerId: 'k3j2-o1', bidId: 'b1' },
  { type: 'run.ended', ...attempt, exitCode: 137, killedFor: 'timeout' },
  { type: 'task.ended', atMs, taskId: 'k3j2-1', state: 'timed-out', exitCode: 137 },
  { type: 'audit.omitted', atMs, count: 12 },
]

describe('fuzz/audit', function () {
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('an event that is taken is encoded to the very bytes it came in', async () => {
    const bytes = EVENTS.map((event) => encodeEvent(event))
    const { accepted, refused } = await fuzz({
      name: 'audit event',
      next: (rng) => (rng.int(2) === 0 ? mutate(bytes, rng) : tryEncode(mutateValue(EVENTS, rng))),
      decode: (input: Uint8Array) => ({ input, event: decodeEvent(input) }),
      accepted: ({ input, event }) => assert.deepEqual(Buffer.from(encodeEvent(event)), Buffer.from(input)),
    })
    const story = `${accepted} accepted, ${JSON.stringify(refused)}`
    assert.ok(accepted > 500 && accepted < 0.95 * MUTATIONS, story)
    assert.ok((refused['malformed'] ?? 0) > 500, story)
  })

  it('none is larger than it may be, however long what people and peers say', () => {
    const text = '€'.repeat(128)
    const reasons = Array.from({ length: 4 }, () => ({ constraint: 'memory', wanted: text, measured: text }) as const)
    const event: AuditEvent = { type: 'decline.sent', atMs, offerId: 'o'.repeat(64), peer: PEER, reasons }
    assert.deepEqual(decodeEvent(encodeEvent(event)), event)
  })
})

/** Values that cannot be encoded come as bytes that cannot be decoded. */
function tryEncode(value: unknown): Uint8Array {
  try {
    return encode(value)
  } catch {
    return new Uint8Array([0xff])
  }
}
