/**
 * Which nodes are there: leases, and what watchers are told when they lapse.
 *
 * Liveness is reckoned from when the last heartbeat was sent (receipt − age, invariant 3), so news of
 * a heartbeat that comes late through sync, or is played again by gossip, does not make its sender look
 * alive. How its age is found is said in `age.ts`.
 */
import type { NodeState } from '../model/heartbeat.ts'
import { dropEntry, noEffects } from './state.ts'
import type { Author, RegistryConfig, RegistryEffects, RegistryState } from './types.ts'

/** Missed intervals until offline and until dropped (design section 3). */
export const LEASE_INTERVALS = 3
export const DEAD_INTERVALS = 6

/** The author's last sign of life: its heartbeat, or while there never was one, its newest passport. */
export function lastHeardMs(author: Author): number | undefined {
  if (author.beat !== undefined) return author.beat.bornMs
  let newest: number | undefined
  for (const { heardMs } of author.passports.values()) newest = Math.max(newest ?? heardMs, heardMs)
  return newest
}

/** How long a heartbeat of the author stands for it. A node that beats slowly has a longer lease. */
export function leaseMsOf(author: Author, config: RegistryConfig): number {
  return Math.max(config.leaseMs, LEASE_INTERVALS * (author.beat?.body.intervalMs ?? 0))
}

/** Until when the author counts as alive, and is listed. */
export function leaseOf(author: Author, config: RegistryConfig): { lapsesMs: number; diesMs: number } | undefined {
  const heardMs = lastHeardMs(author)
  if (heardMs === undefined) return undefined
  const intervalMs = author.beat?.body.intervalMs ?? 0
  return {
    lapsesMs: heardMs + leaseMsOf(author, config),
    diesMs: heardMs + Math.max(config.deadMs, DEAD_INTERVALS * intervalMs),
  }
}

/** The state to show. `gone`: nothing is known of it any more, or it has been silent for too long to be listed. */
export function stateOf(author: Author, config: RegistryConfig, nowMs: number): NodeState | 'gone' {
  const lease = leaseOf(author, config)
  if (lease === undefined || nowMs >= lease.diesMs) return 'gone'
  if (author.missed || nowMs >= lease.lapsesMs) return 'offline'
  // Known by a passport alone: it has said what it is, but not yet that it is up.
  return author.beat?.body.state ?? 'joining'
}

function isAlive(state: NodeState | 'gone'): boolean {
  return state !== 'offline' && state !== 'gone'
}

/**
 * Tells watchers what changed about a node since they were last told, and sets its next deadline.
 * `touched`: its machine passport changed, which is news even when its state is the same.
 */
export function settle(
  state: RegistryState,
  author: Author,
  nowMs: number,
  effects: RegistryEffects,
  touched = false,
): void {
  const before = author.shown
  const now = stateOf(author, state.config, nowMs)
  author.shown = now
  const peerId = author.id
  if (isAlive(before) && !isAlive(now)) {
    const left = author.beat?.body.state === 'offline' ? 'left' : 'lapsed'
    effects.events.push({ type: 'node-offline', peerId, reason: state.quarantined.has(peerId) ? 'quarantined' : left })
  }
  if (now === 'gone') {
    if (before !== 'gone') effects.events.push({ type: 'node-gone', peerId })
  } else if (isAlive(now)) {
    if (!isAlive(before)) effects.events.push({ type: 'node-joined', peerId, state: now })
    else if (before !== now || touched) effects.events.push({ type: 'node-changed', peerId, state: now })
  }
  const lease = leaseOf(author, state.config)
  if (lease === undefined || now === 'gone') state.deadlines.cancel(`node:${peerId}`)
  else state.deadlines.set(`node:${peerId}`, nowMs < lease.lapsesMs ? lease.lapsesMs : lease.diesMs)
}

/**
 * Notes what its watchers found: a node they miss is offline before its lease has run out.
 * @param missed whether it is held to be gone; a node nothing is known of is left alone
 */
export function noteVerdict(state: RegistryState, peerId: string, missed: boolean, nowMs: number): RegistryEffects {
  const effects = noEffects()
  const author = state.authors.get(peerId)
  if (author === undefined || author.missed === missed) return effects
  author.missed = missed
  settle(state, author, nowMs, effects)
  return effects
}

/** Drops all records of an author that is no member any more; it is gone from now on. Its marks stay known. */
export function expel(state: RegistryState, peerId: string, nowMs: number): RegistryEffects {
  const effects = noEffects()
  const author = state.authors.get(peerId)
  if (author === undefined) return effects
  for (const { key } of [...author.passports.values()]) {
    dropEntry(state, author, key)
    effects.persist.push({ collection: 'record', key, doc: null })
  }
  dropEntry(state, author, `${peerId}/heartbeat/`)
  author.beat = undefined
  settle(state, author, nowMs, effects)
  return effects
}

/** When `tick` has something to do next; undefined when the registry is empty. */
export function nextExpiryMs(state: RegistryState): number | undefined {
  return state.deadlines.next()
}

/** Removes what has expired and reports leases that lapsed, each once. Call at `nextExpiryMs`, or whenever. */
export function tick(state: RegistryState, nowMs: number): RegistryEffects {
  const effects = noEffects()
  for (let due = state.deadlines.takeDue(nowMs); due !== undefined; due = state.deadlines.takeDue(nowMs)) {
    if (due.startsWith('node:')) {
      const author = state.authors.get(due.slice('node:'.length))
      if (author !== undefined) settle(state, author, nowMs, effects)
    } else {
      expire(state, due.slice('record:'.length), nowMs, effects)
    }
  }
  return effects
}

function expire(state: RegistryState, key: string, nowMs: number, effects: RegistryEffects): void {
  const authorId = state.records.get(key)?.record.author
  const author = authorId === undefined ? undefined : state.authors.get(authorId)
  const entry = dropEntry(state, author, key)
  if (entry?.kind !== 'passport') return
  effects.persist.push({ collection: 'record', key, doc: null })
  effects.events.push({ type: 'passport-removed', peerId: entry.record.author, name: entry.record.name })
  if (author !== undefined) settle(state, author, nowMs, effects, entry.body.spec.node !== undefined)
}
