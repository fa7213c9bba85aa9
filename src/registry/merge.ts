/** Taking in one record: the only way anything enters the registry. */
import { Heartbeat } from '../model/heartbeat.ts'
import { Passport, passportName } from '../model/passport.ts'
import type { VerifiedRecord } from '../wire/envelope.ts'
import { heartbeatAgeMs } from './age.ts'
import { findRival, quarantine, remember } from './equivocation.ts'
import { settle } from './liveness.ts'
import { bucketOf, dropEntry, ensureAuthor, isNewer, keyOf, noEffects, putEntry, raiseMark } from './state.ts'
import {
  HEARTBEAT_MARK_STRIDE,
  REGISTRY_LIMITS,
  type Author,
  type Entry,
  type RegistryEffects,
  type RegistryState,
} from './types.ts'

/** What became of a record; only `new`, `updated`, `equivocation` changed anything. */
export type MergeOutcome =
  /** Nothing was known under this name. */
  | 'new'
  /** It replaced an older one, or withdrew it. */
  | 'updated'
  /** Exactly this record is known already. */
  | 'duplicate'
  /** Something at least as new was seen, or it has outlived its ttl. */
  | 'stale'
  /** It contradicts another record of its author: both are the proof. */
  | 'equivocation'
  /** Its author was quarantined earlier. */
  | 'quarantined'
  /** There is no room for it. */
  | 'full'
  /** Signed, but not a body of its kind. */
  | 'invalid-body'

/** What became of a record, and what follows. */
export interface Merged extends RegistryEffects {
  readonly outcome: MergeOutcome
  /** What is wrong with the body, when it is. */
  readonly problem?: string
  /**
   * This daemon's own key signed records of a later epoch (an earlier life, before a restored backup):
   * publish nothing until the own epoch is above this.
   */
  readonly ownEpochAhead?: number
}

type Body =
  | { readonly kind: 'passport'; readonly body: Passport }
  | { readonly kind: 'heartbeat'; readonly body: Heartbeat }

/** The record's body as its kind defines it, or what is wrong with it. */
function parseBody(record: VerifiedRecord): Body | { readonly problem: string } {
  if (record.kind === 'heartbeat') {
    if (record.name !== '') return { problem: 'name: a heartbeat has none' }
    const parsed = Heartbeat.safeParse(record.body)
    return parsed.success ? { kind: 'heartbeat', body: parsed.data } : describe(parsed.error.issues[0])
  }
  if (record.kind !== 'passport') return { problem: `kind: ${record.kind} is not kept in the registry` }
  const parsed = Passport.safeParse(record.body)
  if (!parsed.success) return describe(parsed.error.issues[0])
  const name = passportName(parsed.data)
  if (name !== record.name) return { problem: `name: the passport of ${name} published as ${record.name}` }
  const claimed = parsed.data.spec.node?.peerId
  if (claimed !== undefined && claimed !== record.author) {
    return { problem: `spec.node.peerId: ${claimed}, but the author is ${record.author}` }
  }
  return { kind: 'passport', body: parsed.data }
}

function describe(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): {
  problem: string
} {
  return { problem: `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'unknown'}` }
}

/** Room for one more record of this author, or for this one in place of another (invariant 5). */
function hasRoom(state: RegistryState, author: Author, record: VerifiedRecord, known: Entry | undefined): boolean {
  const grownBytes = record.bytes.length - (known?.record.bytes.length ?? 0)
  if (state.totalBytes + grownBytes > REGISTRY_LIMITS.totalBytes) return false
  if (known !== undefined) return true
  if (state.records.size >= REGISTRY_LIMITS.records) return false
  return record.kind !== 'passport' || author.passports.size < REGISTRY_LIMITS.passportsPerAuthor
}

function persistMark(
  record: VerifiedRecord,
  before: { readonly epoch: number } | undefined,
  effects: RegistryEffects,
): void {
  const { epoch, seq } = record
  const due = record.kind !== 'heartbeat' || before?.epoch !== epoch || seq % HEARTBEAT_MARK_STRIDE === 0
  if (due) effects.persist.push({ collection: 'mark', key: keyOf(record), doc: { epoch, seq } })
}

/** Only passports are kept on disk: a heartbeat would be dead before it could be read back. */
function persistRecord(entry: Entry, effects: RegistryEffects): void {
  if (entry.kind !== 'passport') return
  const { bytes } = entry.record
  effects.persist.push({ collection: 'record', key: entry.key, doc: { bytes, bornMs: entry.bornMs } })
}

/**
 * Merges a verified record.
 * @param ageMs how long ago its author sent it: 0 from gossip, as told from sync, as stored from disk
 * @param nowMs Unix milliseconds on a clock that does not go back, also across restarts
 * @param statedMs how long ago that was by its author's own clock, see `statedAgeMs`. 0: nothing is known of it
 */
export function merge(
  state: RegistryState,
  record: VerifiedRecord,
  ageMs: number,
  nowMs: number,
  statedMs = 0,
): Merged {
  const effects = noEffects()
  const { selfId } = state.config
  const ahead = record.author === selfId && record.epoch > state.ownEpoch ? { ownEpochAhead: record.epoch } : {}
  const end = (outcome: MergeOutcome): Merged => ({ outcome, ...effects, ...ahead })

  if (state.quarantined.has(record.author)) return end('quarantined')
  const author = ensureAuthor(state, record.author, effects)
  if (author === undefined) return end('full')

  if (convict(state, author, record, nowMs, effects)) return end('equivocation')
  const seenBefore = remember(author, record)
  const markName = `${record.kind}/${record.name}`
  const mark = author.marks.get(markName)
  if (mark !== undefined && !isNewer(record, mark)) return end(seenBefore ? 'duplicate' : 'stale')
  const body = parseBody(record)
  if ('problem' in body) return { ...end('invalid-body'), problem: body.problem }

  const key = keyOf(record)
  if (record.ttlMs === 0) return withdraw(state, author, record, nowMs, effects, end)
  const toldMs = Math.max(0, ageMs)
  // A passport is not refused for what a slow clock makes of it: all it can say of life is bounded by `heardMs`.
  const bornMs =
    body.kind === 'passport'
      ? nowMs - toldMs
      : Math.max(nowMs - heartbeatAgeMs(author, record, toldMs, statedMs, nowMs), author.beat?.bornMs ?? -Infinity)
  const heardMs = body.kind === 'passport' ? nowMs - Math.max(toldMs, statedMs) : bornMs
  const expiresMs = bornMs + record.ttlMs
  // The mark stays as it was: an age is a neighbour's word, or a slow clock's, and must not keep the record itself out.
  if (nowMs >= expiresMs) return end('stale')

  const known = state.records.get(key)
  if (!hasRoom(state, author, record, known)) return end('full')
  const entry: Entry = { ...body, key, record, bornMs, heardMs, expiresMs, bucket: bucketOf(key) }
  putEntry(state, author, entry)
  raiseMark(state, author, markName, record, effects)
  persistMark(record, mark, effects)
  persistRecord(entry, effects)
  announce(state, author, entry, nowMs, effects)
  return end(known === undefined ? 'new' : 'updated')
}

/** Holds a record against what was seen of its author. @returns whether it contradicts it */
function convict(
  state: RegistryState,
  author: Author,
  record: VerifiedRecord,
  nowMs: number,
  effects: RegistryEffects,
): boolean {
  const rival = findRival(state, author, record)
  if (rival === undefined) return false
  if (author.id === state.config.selfId) {
    // Quarantining ourselves would help nobody; the owner of this machine has to know.
    const { kind, epoch, seq } = record
    effects.events.push({ type: 'own-key-copied', kind, epoch, seq })
    return true
  }
  quarantine(state, author, record, rival, effects)
  settle(state, author, nowMs, effects)
  return true
}

/**
 * Only holds a record against what was seen of its author, and remembers it for the next: one of a known author that is
 * not taken in, by way of somebody who has no say in that. It may be half of a proof.
 */
export function holdAgainst(state: RegistryState, record: VerifiedRecord, nowMs: number): RegistryEffects {
  const effects = noEffects()
  const author = state.authors.get(record.author)
  if (author === undefined || state.quarantined.has(author.id)) return effects
  if (!convict(state, author, record, nowMs, effects)) remember(author, record)
  return effects
}

/** A record that lives for no time at all takes its predecessor with it, and stays away by its mark. */
function withdraw(
  state: RegistryState,
  author: Author,
  record: VerifiedRecord,
  nowMs: number,
  effects: RegistryEffects,
  end: (outcome: MergeOutcome) => Merged,
): Merged {
  const dropped = dropEntry(state, author, keyOf(record))
  const mark = author.marks.get(`${record.kind}/${record.name}`)
  raiseMark(state, author, `${record.kind}/${record.name}`, record, effects)
  persistMark(record, mark, effects)
  if (dropped?.kind === 'passport') {
    effects.persist.push({ collection: 'record', key: dropped.key, doc: null })
    effects.events.push({ type: 'passport-removed', peerId: author.id, name: record.name })
  }
  settle(state, author, nowMs, effects, dropped?.kind === 'passport' && dropped.body.spec.node !== undefined)
  return end('updated')
}

function announce(state: RegistryState, author: Author, entry: Entry, nowMs: number, effects: RegistryEffects): void {
  if (entry.kind === 'heartbeat') effects.events.push({ type: 'heartbeat', peerId: author.id, bornMs: entry.bornMs })
  else effects.events.push({ type: 'passport-changed', peerId: author.id, name: entry.record.name })
  settle(state, author, nowMs, effects, entry.kind === 'passport' && entry.body.spec.node !== undefined)
}
