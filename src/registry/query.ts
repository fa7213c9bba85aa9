/** Questions to the registry: who is there, and who can do what. */
import type { Heartbeat, NodeState } from '../model/heartbeat.ts'
import type { Passport } from '../model/passport.ts'
import { matchesSelector, type Selector } from '../model/selector.ts'
import { AlthingError } from '../util/errors.ts'
import { lastHeardMs, stateOf } from './liveness.ts'
import { isNewer } from './state.ts'
import type { Author, Entry, RegistryState } from './types.ts'

/** A member of the mesh, as known here now. */
export interface KnownNode {
  readonly peerId: string
  /** From its machine passport; without one the name of its first passport, or its peer id. */
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: NodeState
  /** Silent for so long that it is listed only when asked for. */
  readonly dead: boolean
  /** The machine's own passport (the one with `spec.node`). */
  readonly passport?: Passport
  /** The last one heard, even when the lease has lapsed since. */
  readonly heartbeat?: Heartbeat
  /** Since its author sent it. */
  readonly heartbeatAgeMs?: number
  /** What else it publishes: its agents and services. */
  readonly services: readonly Passport[]
}

/** A passport that names a capability, and the live node that publishes it. */
export interface CapableNode {
  readonly node: KnownNode
  readonly passport: Passport
}

/** Nobody can be asked: `meta.reasons` says why for each that was considered. */
export class NoCapableNodesError extends AlthingError<'no-capable-nodes'> {}

/** Somebody, or why nobody. */
export type FindResult =
  | { readonly ok: true; readonly found: readonly CapableNode[] }
  | { readonly ok: false; readonly error: NoCapableNodesError }

type PassportEntry = Entry & { readonly kind: 'passport' }

/** The machine passport of an author: the newest that says it is one. */
function machineEntry(author: Author): PassportEntry | undefined {
  let newest: PassportEntry | undefined
  for (const entry of author.passports.values()) {
    if (entry.body.spec.node === undefined) continue
    if (newest === undefined || isNewer(entry.record, newest.record)) newest = entry
  }
  return newest
}

function view(state: RegistryState, author: Author, nowMs: number): KnownNode {
  const machine = machineEntry(author)
  const others = [...author.passports.values()]
    .filter((entry) => entry !== machine)
    .toSorted((a, b) => compareText(a.record.name, b.record.name))
  const shown = stateOf(author, state.config, nowMs)
  const named = (machine ?? others[0])?.body.metadata
  return {
    peerId: author.id,
    name: named?.name ?? author.id,
    namespace: named?.namespace ?? 'default',
    labels: machine?.body.metadata.labels ?? {},
    annotations: machine?.body.metadata.annotations ?? {},
    state: shown === 'gone' ? 'offline' : shown,
    dead: shown === 'gone',
    ...(machine === undefined ? {} : { passport: machine.body }),
    ...(author.beat === undefined
      ? {}
      : { heartbeat: author.beat.body, heartbeatAgeMs: Math.max(0, nowMs - author.beat.bornMs) }),
    services: others.map((entry) => entry.body),
  }
}

/** One node, dead or alive; undefined when nothing is known of it. */
export function node(state: RegistryState, peerId: string, nowMs: number): KnownNode | undefined {
  const author = state.authors.get(peerId)
  return author === undefined || lastHeardMs(author) === undefined ? undefined : view(state, author, nowMs)
}

/** The nodes, by name. The long silent only with `includeDead`; with `selector` only those whose labels match. */
export function nodes(
  state: RegistryState,
  nowMs: number,
  options: { readonly includeDead?: boolean; readonly selector?: Selector } = {},
): KnownNode[] {
  const { includeDead = false, selector = [] } = options
  const listed: KnownNode[] = []
  for (const author of state.authors.values()) {
    if (lastHeardMs(author) === undefined) continue
    const known = view(state, author, nowMs)
    if ((includeDead || !known.dead) && matchesSelector(selector, known.labels)) listed.push(known)
  }
  return listed.toSorted((a, b) => compareText(a.name, b.name) || compareText(a.peerId, b.peerId))
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

const STATE_ORDER: Readonly<Record<NodeState, number>> = { ready: 0, busy: 1, joining: 2, offline: 3 }

/** Ready before busy before joining; then by CPU in use, then by running tasks; then by id, so that it is settled. */
function byLoad(a: CapableNode, b: CapableNode): number {
  const load = (known: KnownNode) => known.heartbeat?.cpuRatio ?? 1
  const tasks = (known: KnownNode) => known.heartbeat?.tasks ?? 0
  return (
    STATE_ORDER[a.node.state] - STATE_ORDER[b.node.state] ||
    load(a.node) - load(b.node) ||
    tasks(a.node) - tasks(b.node) ||
    compareText(a.node.peerId, b.node.peerId) ||
    compareText(a.passport.metadata.name, b.passport.metadata.name)
  )
}

function capablePassports(author: Author, capability: string): Passport[] {
  const capable: Passport[] = []
  for (const { body } of author.passports.values()) {
    if (body.spec.capabilities.some(({ name }) => name === capability)) capable.push(body)
  }
  return capable
}

/** Reasons listed in an error; the rest are counted. */
const MAX_REASONS = 20

/**
 * Passports that name a capability, on nodes that are alive, least loaded first.
 * @param options.selector must match the labels of the passport together with those of its node
 */
export function find(
  state: RegistryState,
  capability: string,
  nowMs: number,
  options: { readonly selector?: Selector } = {},
): FindResult {
  const { selector = [] } = options
  const found: CapableNode[] = []
  const reasons: string[] = []
  for (const author of state.authors.values()) {
    const passports = capablePassports(author, capability)
    if (passports.length === 0) continue
    const known = view(state, author, nowMs)
    for (const passport of passports) {
      const name = `${passport.metadata.name} on ${known.name}`
      if (known.state === 'offline') {
        const since =
          known.heartbeatAgeMs === undefined ? '' : `, last heartbeat ${Math.round(known.heartbeatAgeMs / 1000)} s ago`
        reasons.push(`${name}: offline${since}`)
      } else if (!matchesSelector(selector, { ...known.labels, ...passport.metadata.labels })) {
        reasons.push(`${name}: labels do not match`)
      } else {
        found.push({ node: known, passport })
      }
    }
  }
  return found.length > 0
    ? { ok: true, found: found.toSorted(byLoad) }
    : { ok: false, error: nobody(capability, reasons) }
}

function nobody(capability: string, reasons: readonly string[]): NoCapableNodesError {
  if (reasons.length === 0) {
    return new NoCapableNodesError(
      'no-capable-nodes',
      `no passport names the capability ${JSON.stringify(capability)}`,
      {
        fix: 'publish a passport that lists it under spec.capabilities',
        meta: { capability, reasons: [] },
      },
    )
  }
  const shown = reasons.slice(0, MAX_REASONS)
  if (reasons.length > MAX_REASONS) shown.push(`and ${reasons.length - MAX_REASONS} more`)
  return new NoCapableNodesError(
    'no-capable-nodes',
    `nobody can do ${JSON.stringify(capability)} now: ${shown.join('; ')}`,
    {
      meta: { capability, reasons: shown },
    },
  )
}
