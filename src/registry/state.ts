/** Making the registry's state, and the small steps everything else is built from. */
import { BoundedMap } from '../util/bounded-map.ts'
import { Deadlines } from '../util/deadlines.ts'
import { SYNC_LIMITS } from '../model/sync.ts'
import {
  REGISTRY_LIMITS,
  type Author,
  type Entry,
  type Mark,
  type RegistryConfig,
  type RegistryEffects,
  type RegistryState,
} from './types.ts'

export const DEFAULT_LEASE_MS = 30_000
export const DEFAULT_DEAD_MS = 60_000

/** An empty registry. `ownEpoch` may be set later, in the state, once it is known. */
export function createRegistry(options: {
  readonly selfId: string
  readonly ownEpoch?: number
  readonly leaseMs?: number
  readonly deadMs?: number
}): RegistryState {
  const { selfId, ownEpoch = 0, leaseMs = DEFAULT_LEASE_MS, deadMs = DEFAULT_DEAD_MS } = options
  const config: RegistryConfig = { selfId, leaseMs, deadMs }
  return {
    config,
    records: new Map(),
    authors: new BoundedMap(REGISTRY_LIMITS.authors, 'refuse'),
    apart: new Set(),
    quarantined: new BoundedMap(REGISTRY_LIMITS.quarantined, 'evict-oldest'),
    deadlines: new Deadlines(),
    sums: new Uint32Array(2 * SYNC_LIMITS.buckets),
    totalBytes: 0,
    ownEpoch,
  }
}

/** Effects to be filled in. */
export function noEffects(): RegistryEffects {
  return { events: [], persist: [] }
}

/** Neither a peer id nor a kind holds a slash, so this takes apart again. */
export function keyOf(record: { readonly author: string; readonly kind: string; readonly name: string }): string {
  return `${record.author}/${record.kind}/${record.name}`
}

/** Whether `a` comes after `b`. */
export function isNewer(a: Mark, b: Mark): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq)
}

/** Whether two records claim one (epoch, seq). */
export function sameNumber(a: Mark, b: Mark): boolean {
  return a.epoch === b.epoch && a.seq === b.seq
}

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/), folded to a bucket: spreads, proves nothing. */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return ((hash >>> 24) ^ (hash >>> 16) ^ (hash >>> 8) ^ hash) & (SYNC_LIMITS.buckets - 1)
}

/** Adds a record's hash to its bucket's sum, or takes it out again: the same operation. */
export function toggleSum(state: RegistryState, entry: Entry): void {
  const at = 2 * entry.bucket
  state.sums[at] = state.sums[at]! ^ Number.parseInt(entry.record.hash.slice(0, 8), 16)
  state.sums[at + 1] = state.sums[at + 1]! ^ Number.parseInt(entry.record.hash.slice(8, 16), 16)
}

/** Puts an entry in place of what its key held. Caps are the caller's. */
export function putEntry(state: RegistryState, author: Author, entry: Entry): void {
  dropEntry(state, author, entry.key)
  state.records.set(entry.key, entry)
  state.totalBytes += entry.record.bytes.length
  if (!state.apart.has(author.id)) toggleSum(state, entry)
  state.deadlines.set(`record:${entry.key}`, entry.expiresMs)
  if (entry.kind === 'passport') author.passports.set(entry.record.name, entry)
  else author.beat = { body: entry.body, bornMs: entry.bornMs }
}

/** Takes an entry out, if it is there. The author's last heartbeat stays known. */
export function dropEntry(state: RegistryState, author: Author | undefined, key: string): Entry | undefined {
  const entry = state.records.get(key)
  if (entry === undefined) return undefined
  state.records.delete(key)
  state.totalBytes -= entry.record.bytes.length
  if (!state.apart.has(entry.record.author)) toggleSum(state, entry)
  state.deadlines.cancel(`record:${key}`)
  if (entry.kind === 'passport') author?.passports.delete(entry.record.name)
  return entry
}

/** How many of the longest-known authors are looked at to find one that can be forgotten. */
const FORGET_SCAN = 64

/** Forgets an author that is gone and has no records, to make room. */
function forgetOne(state: RegistryState, effects: RegistryEffects): void {
  let looked = 0
  for (const [id, author] of state.authors) {
    if (author.shown === 'gone' && author.passports.size === 0 && !state.records.has(`${id}/heartbeat/`)) {
      for (const mark of author.marks.keys())
        effects.persist.push({ collection: 'mark', key: `${id}/${mark}`, doc: null })
      state.authors.delete(id)
      state.apart.delete(id)
      return
    }
    if (++looked >= FORGET_SCAN) return
  }
}

/** The author's state, made when it is new; undefined when there is no room for another. */
export function ensureAuthor(state: RegistryState, id: string, effects: RegistryEffects): Author | undefined {
  const known = state.authors.get(id)
  if (known !== undefined) return known
  const author: Author = {
    id,
    passports: new Map(),
    beat: undefined,
    missed: false,
    clock: undefined,
    marks: new Map(),
    recent: new Map(),
    older: new Map(),
    shown: 'gone',
  }
  if (state.authors.size >= REGISTRY_LIMITS.authors) forgetOne(state, effects)
  return state.authors.set(id, author) ? author : undefined
}

/** Raises a mark (invariant 2); returns false when it already stood as high. */
export function raiseMark(
  state: RegistryState,
  author: Author,
  name: string,
  mark: Mark,
  effects: RegistryEffects,
): boolean {
  const known = author.marks.get(name)
  if (known !== undefined && !isNewer(mark, known)) return false
  author.marks.delete(name)
  author.marks.set(name, { epoch: mark.epoch, seq: mark.seq })
  if (author.marks.size > REGISTRY_LIMITS.marksPerAuthor) {
    for (const oldest of author.marks.keys()) {
      if (state.records.has(`${author.id}/${oldest}`)) continue
      author.marks.delete(oldest)
      effects.persist.push({ collection: 'mark', key: `${author.id}/${oldest}`, doc: null })
      break
    }
  }
  return true
}
