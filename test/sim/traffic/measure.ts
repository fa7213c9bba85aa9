/** What a member sends and receives, in a mesh of a size; and how soon all have the passport of one that joins. */
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { begin } from './begin.ts'
import { boot, churn, fall, someoneUp } from './churn.ts'
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import type { Daemon } from './daemon.ts'
import { TRAFFIC_KINDS, type TrafficKind } from './meter.ts'
import { beginParted, partedWorld } from './parted.ts'
import { World } from './world.ts'

/** Round trips are learnt and links looked over before anything is counted. */
const WARM_MS = 60_000
/** A member is restarted so often: for upgrades, power, whatever people do to machines. */
export const RESTARTS_PER_DAY = 1
/** The member to which there may be more links than to others. */
const HUB = 0
/** Daemons that are simulated in full, by the size of the mesh: in memory each costs as much as all whom it knows. */
const FULL = [
  { upTo: 300, full: Infinity },
  { upTo: 3_000, full: 50 },
  { upTo: Infinity, full: 16 },
]

function fullFor(size: number): number {
  return FULL.find(({ upTo }) => size <= upTo)!.full
}

/** What was found of one size. Bytes are those of a network device, headers included, sent and received together. */
export interface TrafficResult {
  readonly size: number
  /** Daemons measured. */
  readonly full: number
  readonly seconds: number
  /** Mean and 99th percentile among them, bytes a second. */
  readonly meanBytesPerS: number
  readonly p99BytesPerS: number
  readonly sentBytesPerS: number
  readonly receivedBytesPerS: number
  readonly byKind: Readonly<Record<TrafficKind, number>>
  /** Inputs that a daemon takes, a second. */
  readonly stepsPerS: number
  /** Links of a daemon, on average. */
  readonly links: number
  /** Records that a daemon holds, and their envelopes' bytes. */
  readonly heldRecords: number
  readonly heldBytes: number
  /** The most that any daemon held at any second: records, digests of wards among them. */
  readonly mostRecords: number
}

/** What to measure. */
export interface TrafficOptions {
  readonly size: number
  /** Of virtual time that are counted. */
  readonly seconds: number
  readonly seed: number
  /** Daemons in full, when not as many as the size allows. */
  readonly full?: number
  /** Measure one member alone, to which there are so many links, as to one by which all have joined. */
  readonly hubLinks?: number | undefined
  /** The mesh is in wards: one of them is measured, all its members. */
  readonly wards?: WardConfig | undefined
}

/** Measures the steady state, with restarts, of a mesh of a size. */
export function measureTraffic(options: TrafficOptions): TrafficResult {
  const { size, seconds, seed, full = fullFor(size), hubLinks, wards } = options
  const world = wards === undefined ? new World({ seed, size, full }) : partedWorld({ seed, size, wards })
  if (wards === undefined) begin(world)
  else beginParted(world)
  for (let peer = size - 1; world.overlay.linksOf(HUB).size < (hubLinks ?? 0) && peer > 0; peer--)
    world.overlay.link(peer, HUB)
  churn(world, RESTARTS_PER_DAY)
  world.time.runUntil(world.time.nowMs + WARM_MS)
  const steps = new Map([...world.daemons].map(([index, daemon]) => [index, daemon.steps]))
  world.meter.reset()
  let mostRecords = 0
  for (let second = 0; second < seconds; second++) {
    world.time.runUntil(world.time.nowMs + 1_000)
    for (const daemon of world.daemons.values()) mostRecords = Math.max(mostRecords, heldBy(daemon))
  }
  const { meter, daemons, overlay } = world
  // Those who were there all the time, so that each is counted over the same time.
  const stayed = [...daemons.values()].filter(({ index, steps: now }) => now > (steps.get(index) ?? Infinity))
  const measured = hubLinks === undefined ? stayed : stayed.filter(({ index }) => index === HUB)
  const mean = (of: (index: number) => number) =>
    measured.reduce((sum, { index }) => sum + of(index), 0) / measured.length
  const bytesPerS = (index: number) => (meter.sentBytes(index) + meter.receivedBytes(index)) / seconds
  return {
    size,
    full: measured.length,
    seconds,
    meanBytesPerS: Math.round(mean(bytesPerS)),
    p99BytesPerS: Math.round(
      percentile(
        measured.map(({ index }) => bytesPerS(index)),
        0.99,
      ),
    ),
    sentBytesPerS: Math.round(mean((index) => meter.sentBytes(index)) / seconds),
    receivedBytesPerS: Math.round(mean((index) => meter.receivedBytes(index)) / seconds),
    byKind: Object.fromEntries(
      TRAFFIC_KINDS.map((kind) => {
        const ofKind = (index: number) => meter.sentBytes(index, [kind]) + meter.receivedBytes(index, [kind])
        return [kind, Math.round(mean(ofKind) / seconds)]
      }),
    ) as Record<TrafficKind, number>,
    stepsPerS: Math.round(mean((index) => daemons.get(index)!.steps - steps.get(index)!) / seconds),
    links: Math.round(10 * mean((index) => overlay.linksOf(index).size)) / 10,
    heldRecords: Math.round(mean((index) => daemons.get(index)!.state.registry.records.size)),
    heldBytes: Math.round(mean((index) => daemons.get(index)!.state.registry.totalBytes)),
    mostRecords,
  }
}

function heldBy({ state }: Daemon): number {
  return state.registry.records.size + state.wards.digests.size
}

/** What it took one newcomer until it had all of its ward, and was ready. */
export interface NewcomerResult {
  readonly size: number
  /** Members of its ward, itself among them. */
  readonly ward: number
  readonly tookMs: number
  readonly receivedBytes: number
  readonly heldRecords: number
}

/** Lets one join a mesh that is in wards, by a member of any of them. @throws Error when it has not all in 2 minutes */
export function measureNewcomer(
  options: Pick<TrafficOptions, 'size' | 'seed'> & { wards: WardConfig },
): NewcomerResult {
  const world = partedWorld(options)
  beginParted(world)
  world.time.runUntil(world.time.nowMs + WARM_MS)
  const index = world.size
  world.meter.reset()
  const startMs = boot(world, index, world.full + world.rng.int(world.size - world.full))
  const { state } = world.daemons.get(index)!
  const ward = world.full + 1
  const hasAll = () =>
    state.phase === 'ready' && state.wards.at !== undefined && state.registry.records.size >= 2 * ward
  while (!hasAll()) {
    world.time.runUntil(world.time.nowMs + LOOK_MS)
    if (world.time.nowMs - startMs > 2 * JOIN_TIMEOUT_MS)
      throw new Error(`it has ${state.registry.records.size} records`)
  }
  const tookMs = Math.round(world.time.nowMs - startMs)
  const receivedBytes = world.meter.receivedBytes(index)
  return { size: world.size, ward, tookMs, receivedBytes, heldRecords: state.registry.records.size }
}

/** How long joins took, from the start of the newcomer's daemon until all had its passport, milliseconds. */
export interface JoinResult {
  readonly size: number
  readonly joins: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Joins after which some had nothing within a minute. */
  readonly missed: number
}

/** Lets so many join, one after the other, and go again. */
export function measureJoins({
  size,
  joins,
  seed,
}: {
  readonly size: number
  readonly joins: number
  readonly seed: number
}): JoinResult {
  const world = new World({ seed, size, full: size, spare: 1 })
  begin(world)
  world.time.runUntil(world.time.nowMs + WARM_MS)
  const tookMs: number[] = []
  let missed = 0
  for (let join = 0; join < joins; join++) {
    const ms = joinOnce(world)
    if (ms === undefined) missed++
    else tookMs.push(ms)
  }
  const at = (share: number) => percentile(tookMs, share)
  return { size, joins, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), missed }
}

const JOIN_TIMEOUT_MS = 60_000
const LOOK_MS = 10
/** Between two joins: what was said of the last has been heard, at the moments of gossip that chance will have. */
const PAUSE_MS = 5_000

function joinOnce(world: World): number | undefined {
  const index = world.size
  const startMs = boot(world, index, someoneUp(world))
  const { id, epoch } = world.members[index]!
  let lastMs = -Infinity
  const has = (other: number): boolean => {
    const entries = world.daemons.get(other)!.state.registry.authors.get(id)?.passports.values() ?? []
    return [...entries].some(({ record }) => record.epoch === epoch)
  }
  const waiting = new Set(Array.from({ length: world.size }, (_, other) => other))
  world.onTaken = (other: number, record: VerifiedRecord) => {
    if (record.author === id && record.kind === 'passport' && waiting.delete(other)) lastMs = world.time.nowMs
  }
  while (waiting.size > 0 && world.time.nowMs < startMs + JOIN_TIMEOUT_MS) {
    world.time.runUntil(world.time.nowMs + LOOK_MS)
    // By sync it may have come before.
    for (const other of waiting) if (has(other) && waiting.delete(other)) lastMs = world.time.nowMs
  }
  world.onTaken = () => {}
  world.daemons.get(index)!.input({ type: 'leave' })
  world.time.runUntil(world.time.nowMs + LOOK_MS)
  fall(world, index)
  world.time.runUntil(world.time.nowMs + Math.round(PAUSE_MS * (0.5 + world.rng.next())))
  return waiting.size === 0 ? lastMs - startMs : undefined
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}
