/**
 * A ward's digest: what it says, and which of its members publish it. The two that rank first for its name do, so that
 * one death costs nothing; a third when it has heard none for an interval, for views differ, a fourth after two.
 */
import { NAMELESS_ZONE, type WardDigest } from '../../model/ward.ts'
import { zoneLabel } from '../../model/zones.ts'
import { addResources, NO_RESOURCES, type Resources } from '../../model/resources.ts'
import { nodes, type KnownNode } from '../../registry/registry.ts'
import { hashOf } from '../../topology/watchers.ts'
import type { Rng } from '../../util/rng.ts'
import { freeNow, nextSeq, shownState } from '../heartbeat.ts'
import type { MeshState, StepContext } from '../types.ts'
import { newestByWard } from './digests.ts'
import { filterOf } from './filter.ts'
import { isIn, livingIn } from './held.ts'
import type { WardConfig } from './state.ts'
import { nameOf, type Ward } from './ward.ts'

/** Who publish at each interval. */
const PUBLISHERS = 2
/** A digest lasts for so many of its intervals. */
const LASTS_INTERVALS = 3
/** Each ward adds so much to the interval of all: with two publishers each, one digest a second in the whole mesh. */
const INTERVAL_PER_WARD_MS = 2_000
const MOST_CONTACTS = 3
const MOST_ADDRESSES = 2
const MOST_ADDRESS = 128
const MOST_ZONES = 16
const MOST_DRIVERS = 16

/** Until the next digest of this node's ward. */
export function digestIntervalMs({ wards }: MeshState, { digestMs }: WardConfig): number {
  return Math.max(digestMs, INTERVAL_PER_WARD_MS * newestByWard(wards).size)
}

/** Publishes the digest of the ward this node is in, or goes to, if that is its turn; and plans the next. */
export function digestDue(state: MeshState, config: WardConfig, ctx: StepContext): void {
  const { wards } = state
  const ward = wards.at ?? wards.move?.to
  if (ward === undefined || state.phase === 'leaving') return
  const { nowMs, rng, out } = ctx
  const intervalMs = digestIntervalMs(state, config)
  state.deadlines.set('ward-digest', nowMs + Math.round(intervalMs * (0.9 + rng.next() / 10)))
  const name = nameOf(ward)
  if (state.phase !== 'ready' || !isItsTurn(state, ward, intervalMs, nowMs)) return
  out.push({
    type: 'publish',
    topic: 'digests',
    kind: 'digest',
    name,
    epoch: state.epoch,
    seq: nextSeq(state, 'digest'),
    ttlMs: LASTS_INTERVALS * intervalMs,
    body: bodyOf(state, ward, intervalMs, nowMs, rng),
  })
}

function isItsTurn(state: MeshState, ward: Ward, intervalMs: number, nowMs: number): boolean {
  const name = nameOf(ward)
  const rankOf = (id: string) => hashOf(`${id} ${name}`)
  const own = rankOf(state.self)
  const rank = livingIn(state, ward).filter((id) => rankOf(id) > own).length
  if (rank < PUBLISHERS) return true
  const { atMs, move } = state.wards
  let heardMs = move?.sinceMs ?? atMs
  for (const { ward: other, bornMs } of state.wards.digests.values()) {
    if (nameOf(other) === name) heardMs = Math.max(heardMs, bornMs)
  }
  return nowMs - heardMs > (rank - PUBLISHERS + 1) * intervalMs
}

/** What the ward is like, by the records that are held here. */
function bodyOf(state: MeshState, ward: Ward, intervalMs: number, nowMs: number, rng: Rng): WardDigest {
  const living = nodes(state.registry, nowMs).filter(
    ({ peerId, state: shown }) => shown !== 'offline' && isIn(state, ward, peerId),
  )
  const free = living.flatMap((node) => freeOf(state, node) ?? [])
  const drivers = new Set(living.flatMap(({ passport }) => passport?.spec.node?.drivers ?? []))
  const shownOf = (node: KnownNode) => (node.peerId === state.self ? shownState(state) : node.state)
  return {
    members: Math.max(1, living.length),
    ready: living.filter((node) => shownOf(node) === 'ready').length,
    free: free.reduce(addResources, NO_RESOURCES),
    largest: {
      cpuMilli: free.reduce((most, { cpuMilli }) => Math.max(most, cpuMilli), 0),
      memoryBytes: free.reduce((most, { memoryBytes }) => Math.max(most, memoryBytes), 0),
    },
    drivers: [...drivers].toSorted().slice(0, MOST_DRIVERS),
    zones: ward.zone === NAMELESS_ZONE ? zonesOf(living) : [],
    names: filterOf(living.flatMap(namesOf)),
    contacts: contactsOf(state, living, rng),
    intervalMs,
  }
}

function freeOf(state: MeshState, { peerId, heartbeat }: KnownNode): Resources | undefined {
  return peerId === state.self ? freeNow(state) : heartbeat?.free
}

function zonesOf(living: readonly KnownNode[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const { labels } of living) {
    const zone = zoneLabel(labels)
    if (zone !== undefined) counts.set(zone, (counts.get(zone) ?? 0) + 1)
  }
  return [...counts].toSorted(([a, many], [b, more]) => more - many || (a < b ? -1 : 1)).slice(0, MOST_ZONES)
}

/** What a node can be found by. */
function namesOf({ peerId, name, passport, services }: KnownNode): string[] {
  const all = [...(passport ? [passport] : []), ...services]
  return [peerId, name, ...all.flatMap(({ spec }) => spec.capabilities.map((capability) => capability.name))]
}

/** This node and two others, so that not all who ask come to one. */
function contactsOf(state: MeshState, living: readonly KnownNode[], rng: Rng): WardDigest['contacts'] {
  const addressed = living.flatMap(({ peerId, passport }) => {
    const addresses = (passport?.spec.node?.addresses ?? []).filter(({ length }) => length <= MOST_ADDRESS)
    return addresses.length > 0 ? [{ peerId, addresses: addresses.slice(0, MOST_ADDRESSES) }] : []
  })
  const self = addressed.find(({ peerId }) => peerId === state.self) ?? { peerId: state.self, addresses: [] }
  const others = rng.shuffle(addressed.filter(({ peerId }) => peerId !== state.self))
  return [self, ...others].slice(0, MOST_CONTACTS)
}
