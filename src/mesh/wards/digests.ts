/**
 * What wards say of themselves: held as long as it lasts, one digest of each author, who is in one ward only. So
 * whoever lies about many wards has to have many keys.
 */
import { isWardName, NAMELESS_ZONE, WardDigest } from '../../model/ward.ts'
import { isNewer } from '../../registry/registry.ts'
import { hashOf } from '../../topology/watchers.ts'
import type { VerifiedRecord } from '../../wire/envelope.ts'
import type { HeldDigest, WardConfig, WardState } from './state.ts'
import { contains, nameOf, wardAt, wardOf, type Ward } from './ward.ts'

/** What became of a digest. */
export type DigestOutcome = 'new' | 'stale' | 'full' | 'invalid-body'

/** Takes in a digest. @param ageMs how old it is as far as is known */
export function takeDigest(state: WardState, record: VerifiedRecord, ageMs: number, nowMs: number): DigestOutcome {
  const { author, name, epoch, seq, ttlMs } = record
  const parsed = WardDigest.safeParse(record.body)
  const ward = isWardName(name) ? wardOf(name) : undefined
  if (!parsed.success || ward === undefined) return 'invalid-body'
  // Who speaks for a ward is in it, by its hash; its zone is its own word.
  if (wardAt({ zone: ward.zone, hash: hashOf(author) }, ward.bits).prefix !== ward.prefix) return 'invalid-body'
  const known = state.digests.get(author)
  if (known !== undefined && !isNewer({ epoch, seq }, known.record)) return 'stale'
  const bornMs = nowMs - Math.max(0, ageMs)
  const held = { ward, body: parsed.data, record, bornMs, expiresMs: bornMs + ttlMs }
  if (nowMs >= held.expiresMs) return 'stale'
  return state.digests.set(author, held) ? 'new' : 'full'
}

/** Drops what has expired. */
export function expireDigests(state: WardState, nowMs: number): void {
  for (const [author, { expiresMs }] of state.digests) if (nowMs >= expiresMs) state.digests.delete(author)
}

/** What is held of one ward: its newest digest, and the most members that any of its digests names. */
export interface WardSaid extends HeldDigest {
  readonly members: number
}

/**
 * What each ward says, by name. Of one that was cut meanwhile it is there beside its halves for a while. Its publishers
 * count the same members: where they do not, somebody lies, and who makes a ward small could make a large mesh one.
 */
export function newestByWard(state: WardState): Map<string, WardSaid> {
  const newest = new Map<string, WardSaid>()
  for (const held of state.digests.values()) {
    const name = nameOf(held.ward)
    const other = newest.get(name)
    const members = Math.max(held.body.members, other?.members ?? 0)
    newest.set(name, { ...(other === undefined || held.bornMs > other.bornMs ? held : other), members })
  }
  return newest
}

/**
 * Members of all wards in a part of the mesh, by their digests; of two that overlap the newer counts.
 * @param held one of each ward, as `newestByWard` has them
 */
export function membersIn(held: Iterable<WardSaid>, part: Ward | undefined): number {
  const counted: WardSaid[] = []
  for (const one of [...held].toSorted((a, b) => b.bornMs - a.bornMs)) {
    if (!contains(part, one.ward)) continue
    if (!counted.some(({ ward }) => contains(ward, one.ward) || contains(one.ward, ward))) counted.push(one)
  }
  return counted.reduce((sum, { members }) => sum + members, 0)
}

/**
 * Zones with wards of their own: those that have had enough members in such wards, and those of which as many more are
 * in the nameless one.
 */
export function zonesBy(held: Iterable<WardSaid>, config: WardConfig): Set<string> {
  const [own, others] = [new Map<string, number>(), new Map<string, number>()]
  const add = (to: Map<string, number>, zone: string, members: number) => to.set(zone, (to.get(zone) ?? 0) + members)
  for (const { ward, body, members } of held) {
    if (ward.zone === NAMELESS_ZONE) for (const [zone, some] of body.zones) add(others, zone, some)
    else add(own, ward.zone, members)
  }
  const zones = new Set<string>()
  for (const [zone, members] of own) if (members >= config.zoneUntil) zones.add(zone)
  for (const [zone, members] of others) if (members >= config.zoneFrom) zones.add(zone)
  return zones
}
