/**
 * A mesh that grows past the size at which it is cut into wards, all its members in full: whether anybody who is there
 * is held offline on the way, and whether everybody knows its ward afterwards, and finds who is elsewhere.
 */
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import { holds, nameOf } from '../../../src/mesh/wards/ward.ts'
import { NAMELESS_ZONE } from '../../../src/model/ward.ts'
import { beatIntervalMs } from '../../../src/mesh/pace.ts'
import { hashOf } from '../../../src/topology/watchers.ts'
import { begin } from './begin.ts'
import { boot, someoneUp } from './churn.ts'
import type { Daemon } from './daemon.ts'
import { daemonsOf, isSettled, missed } from './until.ts'
import { World } from './world.ts'

/** Leases of before all knew each other are as short as those of a small mesh: within so long all have beaten again. */
const PACE_MS = 10_000
/** Newcomers start so long after each other. */
const BETWEEN_MS = 250
/** It is looked at so often, and given up after so long. */
const LOOK_MS = 1_000
const TIMEOUT_MS = 1_800_000
/** After the parting: news that were on their way have come. */
const CALM_MS = 60_000
/** Members that look for one of another ward by its name. */
const SEEKERS = 50
const FOUND_WITHIN_MS = 15_000

/** What came of it. */
export interface GrowthResult {
  readonly from: number
  readonly to: number
  /** From the first newcomer until all were in wards and held nobody else. */
  readonly partedMs: number
  /** Members of each ward. */
  readonly wards: Readonly<Record<string, number>>
  /** Who ever held whom for anything but alive, though it was: the first few, and how many. */
  readonly missed: number
  readonly examples: readonly string[]
  /** Members of one's own ward without passport and heartbeat, and members of others that are held, over all. */
  readonly lacking: number
  readonly strangers: number
  /** Of so many that looked for a member of another ward. */
  readonly seekers: number
  readonly found: number
}

/** Lets it grow. @throws Error when it is not parted in half an hour */
export function measureGrowth(options: {
  readonly from: number
  readonly to: number
  readonly seed: number
  readonly wards: WardConfig
}): GrowthResult {
  const { from, to, seed, wards } = options
  const world = new World({ seed, size: from, full: from, spare: to - from, wards })
  begin(world)
  pace(world)
  const startMs = world.time.nowMs
  for (let index = from; index < to; index++) {
    world.soon((index - from) * BETWEEN_MS, () => boot(world, index, someoneUp(world)))
  }
  const wrong = new Set<string>()
  const look = (): void => {
    world.time.runUntil(world.time.nowMs + LOOK_MS)
    for (const one of missed(world)) wrong.add(one)
  }
  const isParted = () => daemonsOf(world).length === to && isSettled(world, true)
  while (!isParted()) {
    look()
    if (world.time.nowMs - startMs > TIMEOUT_MS) throw new Error(`not parted after ${TIMEOUT_MS} ms`)
  }
  const partedMs = world.time.nowMs - startMs
  while (world.time.nowMs < startMs + partedMs + CALM_MS) look()
  const sizes = new Map<string, number>()
  for (const { state } of daemonsOf(world)) {
    const name = nameOf(state.wards.at)
    sizes.set(name, (sizes.get(name) ?? 0) + 1)
  }
  return {
    ...{ from, to, partedMs, wards: Object.fromEntries(sizes) },
    ...{ missed: wrong.size, examples: [...wrong].slice(0, 10) },
    ...holdings(world),
    ...search(world),
  }
}

/** All beat once, and from then on as members of such a mesh do. */
function pace(world: World): void {
  const spread = (overMs: number): void => {
    for (const daemon of daemonsOf(world)) {
      daemon.state.deadlines.set('beat', world.time.nowMs + Math.round(overMs * world.rng.next()))
      daemon.rearm()
    }
  }
  spread(PACE_MS)
  world.time.runUntil(world.time.nowMs + PACE_MS + LOOK_MS)
  spread(beatIntervalMs(world.config, world.size))
}

function isOfWard({ state }: Daemon, id: string): boolean {
  return holds(state.wards.at, { zone: NAMELESS_ZONE, hash: hashOf(id) })
}

function holdings(world: World): Pick<GrowthResult, 'lacking' | 'strangers'> {
  let [lacking, strangers] = [0, 0]
  for (const daemon of daemonsOf(world)) {
    const { authors, records } = daemon.state.registry
    for (const { id } of world.members) {
      const isWhole = records.has(`${id}/heartbeat/`) && (authors.get(id)?.passports.size ?? 0) > 0
      if (isOfWard(daemon, id) && !isWhole) lacking++
      else if (!isOfWard(daemon, id) && authors.has(id)) strangers++
    }
  }
  return { lacking, strangers }
}

/** Some look for a member of another ward. */
function search(world: World): Pick<GrowthResult, 'seekers' | 'found'> {
  const seekers = world.rng.shuffle(daemonsOf(world)).slice(0, SEEKERS)
  const sought = seekers.map((seeker) => {
    const other = world.rng.pick(daemonsOf(world).filter(({ member }) => !isOfWard(seeker, member.id)))
    // By its id: the name of one is how the names of others begin.
    const { id } = other.member
    const question = { ward: nameOf(other.state.wards.at), name: id, most: 8 }
    seeker.input({ type: 'ward-query', ticket: id, question })
    return id
  })
  world.time.runUntil(world.time.nowMs + FOUND_WITHIN_MS)
  const found = seekers.filter(({ state }, place) => state.registry.authors.has(sought[place]!)).length
  return { seekers: seekers.length, found }
}
