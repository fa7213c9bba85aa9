/**
 * How old a record is when it comes in. Whoever has an old one can send it again, and to a newcomer, who has no
 * mark of its author yet, it is as good as new. Two things are said about its age, and neither is certain:
 *
 * - Whoever passes it on by sync says how old it is as far as it knows; gossip says nothing (0).
 * - Its author's own clock stands in it (`hlc`). Clocks are off by up to `MAX_AHEAD_MS` either way as a matter of
 *   course: the same allowance that an author gets ahead it gets behind, and only what lies beyond it counts.
 *
 * The larger of the two is believed, with one exception, or an author whose clock is an hour slow would look dead
 * for ever. A heartbeat is news of the author's clock as well: when it comes after another of the same author, and
 * the author's clock has gone on between the two as ours has, then that clock is simply slow, and the heartbeat is
 * as old as it came later than it should have. So it is only the first heartbeat heard of an author that counts
 * as old because it says so; one beat later a slow node is alive. Of a recording played at once each heartbeat is
 * further on than our clock, and counts as old.
 *
 * What remains: a recording of a dead node that is played beat by beat, in its own time, looks like a live node
 * with a slow clock, and nothing within a record can tell the two apart. It lasts as long as the recording, and
 * work that is offered to that node is answered by nobody.
 *
 * An age only bounds what a record proves: evidence that is there already does not get older by it, and a mark is
 * not raised by a record that is refused for its age.
 */
import type { VerifiedRecord } from '../wire/envelope.ts'
import { MAX_AHEAD_MS } from '../wire/limits.ts'
import { isNewer } from './state.ts'
import type { Author } from './types.ts'

/** By how much the time between two heartbeats may come out shorter here than their author says: delays on the way. */
const PACE_SLACK_MS = 5_000

/**
 * How old a record is by its author's own clock, beyond what clocks may differ.
 * @param hlc as the record says, Unix milliseconds
 * @param wallNowMs our wall clock, which may have been set back since; not the one that deadlines are reckoned in
 */
export function statedAgeMs(hlc: number, wallNowMs: number): number {
  return Math.max(0, wallNowMs - hlc - MAX_AHEAD_MS)
}

/**
 * The age to believe of a heartbeat, and notes its author's clock for the next one.
 * @param toldMs as whoever passed it on says, 0 when nothing was said
 * @param statedMs as `statedAgeMs` gives it
 */
export function heartbeatAgeMs(
  author: Author,
  record: VerifiedRecord,
  toldMs: number,
  statedMs: number,
  nowMs: number,
): number {
  const before = author.clock
  const { epoch, seq, hlc } = record
  // The same one again, or an older one, shows nothing of how its author's clock goes.
  if (before !== undefined && !isNewer(record, before)) return Math.max(toldMs, statedMs)
  const sentMs = nowMs - toldMs
  author.clock = { epoch, seq, hlc, sentMs }
  if (before === undefined || statedMs <= toldMs) return Math.max(toldMs, statedMs)
  const lateMs = sentMs - before.sentMs - (hlc - before.hlc)
  return lateMs < -PACE_SLACK_MS ? statedMs : toldMs + Math.max(0, lateMs)
}
