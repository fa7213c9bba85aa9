/** Where a node should be: in the whole mesh, or in which ward. Everybody decides that alone, by what it knows. */
import { NAMELESS_ZONE } from '../../model/ward.ts'
import { membersIn, newestByWard, zonesBy, type WardSaid } from './digests.ts'
import type { WardConfig, WardState } from './state.ts'
import { contains, cutFor, holds, parentOf, siblingOf, wardAt, type Place, type Ward } from './ward.ts'

/** A living member, as far as it matters here: the label of its zone, if it has one, and its hash. */
export interface Resident {
  readonly label: string | undefined
  readonly hash: number
}

/** What the plan is made from. */
export interface Census {
  readonly self: Resident
  /** Members that are believed alive, this node among them. */
  readonly living: readonly Resident[]
}

/** Where to be, and by which zones. `atOnce`: others are there already. */
export interface Plan {
  readonly ward: Ward | undefined
  readonly zones: ReadonlySet<string>
  readonly atOnce: boolean
}

/** Where a member is found, with these zones. */
export function placeIn(zones: ReadonlySet<string>, { label, hash }: Resident): Place {
  return { zone: label !== undefined && zones.has(label) ? label : NAMELESS_ZONE, hash }
}

/** Where this node should be. */
export function planFor(state: WardState, config: WardConfig, census: Census): Plan {
  const held = newestByWard(state)
  return state.at === undefined ? planOfWhole(state, held, config, census) : planOfWard(state, held, config, census)
}

/** In the whole mesh: it is cut when it is too large, and where it is cut already, by whoever is linked here. */
function planOfWhole(
  { zones: before }: WardState,
  held: ReadonlyMap<string, WardSaid>,
  config: WardConfig,
  { self, living }: Census,
): Plan {
  if (living.length > config.wholeMost) {
    const zones = zonesOf(living, config)
    const place = placeIn(zones, self)
    const hashes = living.map((one) => placeIn(zones, one)).filter(({ zone }) => zone === place.zone)
    const ward = cutFor(
      place,
      hashes.map(({ hash }) => hash),
      config.most,
    )
    return { ward, zones, atOnce: false }
  }
  if (held.size === 0 || membersIn(held.values(), undefined) < config.wholeLeast)
    return { ward: undefined, zones: before, atOnce: false }
  const zones = zonesBy(held.values(), config)
  return { ward: wardAmong(held, placeIn(zones, self)), zones, atOnce: true }
}

function zonesOf(living: readonly Resident[], { zoneFrom }: WardConfig): Set<string> {
  const counts = new Map<string, number>()
  for (const { label } of living) if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1)
  return new Set([...counts].filter(([, members]) => members >= zoneFrom).map(([label]) => label))
}

/** The ward of a place among those that are there: where there is none around it, one as large as the others. */
function wardAmong(held: ReadonlyMap<string, WardSaid>, place: Place): Ward {
  const inZone = [...held.values()].map(({ ward }) => ward).filter(({ zone }) => zone === place.zone)
  const around = inZone.filter((ward) => holds(ward, place))
  const bits = (around.length > 0 ? around : inZone).reduce((most, ward) => Math.max(most, ward.bits), 0)
  return wardAt(place, bits)
}

/** In a ward: it is cut when it is too large, and one with its other half again when both are small. */
function planOfWard(
  { at, zones: before }: WardState,
  held: ReadonlyMap<string, WardSaid>,
  config: WardConfig,
  { self, living }: Census,
): Plan {
  const others = [...held.values()].filter(({ ward }) => !contains(at, ward) && !contains(ward, at))
  const zones = held.size === 0 ? before : zonesBy(held.values(), config)
  const place = placeIn(zones, self)
  const inPlace = living.map((one) => placeIn(zones, one)).filter((one) => holds(at, one))
  if (inPlace.length + membersIn(others, undefined) < config.wholeLeast)
    return { ward: undefined, zones, atOnce: false }
  if (at === undefined || place.zone !== at.zone) return { ward: wardAmong(held, place), zones, atOnce: false }
  const hashes = inPlace.map(({ hash }) => hash)
  if (hashes.length > config.most) return { ward: cutFor(place, hashes, config.most, at.bits), zones, atOnce: false }
  const [sibling, parent] = [siblingOf(at), parentOf(at)]
  const isSmall = sibling !== undefined && hashes.length + membersIn(held.values(), sibling) < config.least
  return { ward: isSmall ? parent : at, zones, atOnce: false }
}
