/**
 * Who watches whom: a ranking that every node computes by itself from the roster.
 *
 * Rendezvous hashing (Thaler and Ravishankar, IEEE/ACM ToN 6(1), 1998): for each subject all members are ranked by a
 * hash of the two. The first few believed alive watch it. So watching is spread evenly, a member that goes moves only
 * its own share, and nodes whose views differ by one member differ in few watchers.
 */
import { TOPOLOGY_LIMITS, type MemberId, type Ranking, type TopologyState } from './types.ts'

/** A member as the ranking sees it. */
interface Candidate {
  readonly id: MemberId
  readonly hash: number
  readonly host: string
  readonly alive: boolean
}

/** 32 bits of an id: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), its bits spread by `mix`. */
export function hashOf(id: MemberId): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return mix(hash, 0)
}

/** Rank of a watcher for a subject, 32 bits, higher is better: murmur3's finalizer over both hashes. */
function mix(watcher: number, subject: number): number {
  let z = watcher ^ Math.imul(subject, 0x9e3779b1)
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}

function isBefore(scoreA: number, idA: MemberId, scoreB: number, idB: MemberId): boolean {
  return scoreA !== scoreB ? scoreA > scoreB : idA < idB
}

/** The roster, this node included. */
function candidatesOf(state: TopologyState): Candidate[] {
  const all: Candidate[] = [{ id: state.self, hash: state.selfHash, host: state.host, alive: true }]
  for (const { id, hash, host, verdict } of state.members.values()) {
    if (verdict !== 'left') all.push({ id, hash, host, alive: verdict !== 'offline' })
  }
  return all
}

/**
 * Who watches a member, and whose word on it counts.
 *
 * When the first few all run on one machine, the first believed alive on another one watches as well: their words
 * count once together, and there must be a second. Witnesses are the watchers and the first `witnesses` of the
 * ranking, alive or not, so that nodes that disagree on who is alive still accept one another's watchers.
 * O(n log n), kept until the roster changes.
 */
export function rankingOf(state: TopologyState, subject: MemberId): Ranking | undefined {
  const member = state.members.get(subject)
  if (member === undefined) return undefined
  if (member.ranking?.version === state.rosterVersion) return member.ranking
  const ranked = candidatesOf(state)
    .filter(({ id }) => id !== subject)
    .map((candidate) => ({ ...candidate, score: mix(candidate.hash, member.hash) }))
    .toSorted((a, b) => (isBefore(a.score, a.id, b.score, b.id) ? -1 : 1))
  const watchers: MemberId[] = []
  const hosts = new Set<string>()
  for (const { id, host, alive } of ranked) {
    if (!alive || (watchers.length >= state.config.watchers && (hosts.size !== 1 || hosts.has(host)))) continue
    watchers.push(id)
    hosts.add(host)
    if (watchers.length >= state.config.watchers && hosts.size > 1) break
  }
  const witnesses = [...new Set([...ranked.slice(0, state.config.witnesses).map(({ id }) => id), ...watchers])]
  member.ranking = { version: state.rosterVersion, watchers, witnesses }
  return member.ranking
}

/**
 * The members that this node watches, at most `TOPOLOGY_LIMITS.watches`, those first for whom it ranks best.
 *
 * A look at a subject ends as soon as enough better ranked ones are seen, some 4 ln n of them on average: 0.2 ms for
 * 500 members. In the worst case, nearly all on one machine other than this node's, it is O(n²).
 */
export function subjectsOf(state: TopologyState): MemberId[] {
  const alive = candidatesOf(state).filter((candidate) => candidate.alive)
  const found: { id: MemberId; score: number }[] = []
  for (const { id, hash, verdict } of state.members.values()) {
    if (verdict === 'left') continue
    const score = mix(state.selfHash, hash)
    if (watches(state, alive, id, hash, score)) found.push({ id, score })
  }
  if (found.length > TOPOLOGY_LIMITS.watches) {
    found.sort((a, b) => b.score - a.score)
    found.length = TOPOLOGY_LIMITS.watches
  }
  return found.map(({ id }) => id)
}

/** Whether fewer than the number of watchers rank before this node, or all who do run on one other machine. */
function watches(
  state: TopologyState,
  alive: readonly Candidate[],
  subject: MemberId,
  subjectHash: number,
  ownScore: number,
): boolean {
  let better = 0
  let host: string | undefined
  let sameHost = true
  for (const candidate of alive) {
    if (candidate.id === subject || candidate.id === state.self) continue
    if (!isBefore(mix(candidate.hash, subjectHash), candidate.id, ownScore, state.self)) continue
    better++
    host ??= candidate.host
    sameHost &&= candidate.host === host
    if (better >= state.config.watchers && (!sameHost || host === state.host)) return false
  }
  return better < state.config.watchers || (sameHost && host !== state.host)
}
