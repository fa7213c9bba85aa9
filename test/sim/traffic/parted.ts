/**
 * A large mesh that has been in wards for long. One ward is simulated in full, all its members; of the others what
 * reaches it: their links to it, and their digests.
 */
import { contains, cutFor, holds, nameOf, wardAt, type Ward } from '../../../src/mesh/wards/ward.ts'
import { filterOf } from '../../../src/mesh/wards/filter.ts'
import type { WardConfig } from '../../../src/mesh/wards/state.ts'
import { beatIntervalMs, renewalMs } from '../../../src/mesh/pace.ts'
import { NAMELESS_ZONE, type WardDigest } from '../../../src/model/ward.ts'
import { hashOf } from '../../../src/topology/watchers.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { DIGESTS } from './gossipsub.ts'
import { Member } from './member.ts'
import { streamBytes } from './wire-sizes.ts'
import { World } from './world.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'

/** Members of a ward that publish its digest. */
const PUBLISHERS = 2
/** As `mesh/wards/digest.ts` has them. */
const INTERVAL_PER_WARD_MS = 2_000
const LASTS_INTERVALS = 3
/** Links stand, and gossip goes over them. */
const SETTLE_MS = 2_000
/** Links of a member to other wards. */
const OUTSIDE = 2

/** A mesh of so many members in wards, before it is begun; with room for one more, of the ward that is in full. */
export function partedWorld({ seed, size, wards }: { seed: number; size: number; wards: WardConfig }): World {
  const hashes = Array.from({ length: size }, (_, key) => hashOf(new Member(key).id))
  const ward = cutFor({ zone: NAMELESS_ZONE, hash: hashes[0]! }, hashes, wards.most)
  const isIn = (hash: number) => holds(ward, { zone: NAMELESS_ZONE, hash })
  const keys = [...hashes.keys()]
  const inside = keys.filter((key) => isIn(hashes[key]!))
  let spare = size
  while (!isIn(hashOf(new Member(spare).id))) spare++
  const ordered = [...inside, ...keys.filter((key) => !isIn(hashes[key]!)), spare]
  return new World({ seed, size, full: inside.length, spare: 1, wards, keys: ordered })
}

/** The other wards of such a mesh, each with the indexes of its members; the one in full is the first. */
function wardsOf(world: World): { ward: Ward; members: number[] }[] {
  const hashes = world.members.map(({ id }) => hashOf(id))
  const wards = new Map<string, { ward: Ward; members: number[] }>()
  const { bits } = cutFor({ zone: NAMELESS_ZONE, hash: hashes[0]! }, hashes, world.config.wards!.most)
  for (let index = 0; index < world.size; index++) {
    const ward = wardAt({ zone: NAMELESS_ZONE, hash: hashes[index]! }, bits)
    const known = wards.get(nameOf(ward)) ?? { ward, members: [] }
    wards.set(nameOf(ward), known)
    known.members.push(index)
  }
  return [...wards.values()]
}

/** Brings it about. Virtual time goes on a little. */
export function beginParted(world: World): void {
  const { size, full, overlay, rng } = world
  const wards = wardsOf(world)
  const own = wards[0]!.ward
  for (let index = 0; index < size; index++) overlay.rise(index)
  const intervalMs = Math.max(world.config.wards!.digestMs, INTERVAL_PER_WARD_MS * wards.length)
  const others = wards.slice(1).map((one) => ({ ...one, said: new Map<number, VerifiedRecord>() }))
  const heldOf = () => [...(world.daemons.get(0)?.state.wards.digests.values() ?? [])]
  const ofOwn = () =>
    heldOf().flatMap(({ ward, record, bornMs }) =>
      contains(own, ward) ? [{ record, ageMs: world.time.nowMs - bornMs }] : [],
    )
  world.digestsNow = () => [...ofOwn(), ...ofOthers()]
  const ofOthers = () =>
    others.flatMap(({ said }) => [...said.values()].slice(0, 1)).map((record) => ({ record, ageMs: 0 }))
  world.onStands = (a, b) => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      sayWhere(world, others, one, other)
  }

  const daemons = Array.from({ length: full }, (_, index) => world.makeDaemon(index))
  for (const daemon of daemons) {
    daemon.state.wards.at = own
    daemon.state.wards.atMs = world.time.nowMs
    daemon.input({ type: 'start', epoch: daemon.member.epoch, alone: true })
    daemon.state.deadlines.set('ward-digest', world.time.nowMs + Math.round(intervalMs * rng.next()))
    world.gossip.listen(daemon.index, [nameOf(own)], true)
  }
  for (let index = full; index < size; index++) world.gossip.listen(index, [], true)
  const records = world.takeHeld()
  for (const daemon of daemons)
    for (const record of records) if (record.author !== daemon.member.id) daemon.take(record, 0, nameOf(own))

  for (const { members } of others) linkWard(world, members)
  for (const { ward, members, said } of others) {
    for (const index of members.slice(0, PUBLISHERS)) {
      const say = (): void => {
        const { nowMs } = world.time
        const record = digestOf(world, ward, members, index, intervalMs)
        said.set(index, record)
        world.note(record)
        for (const daemon of nowMs === startMs ? daemons : []) daemon.take(record, 0)
        if (nowMs > startMs && overlay.isUp(index)) world.spread(index, record, DIGESTS)
        world.soon(nowMs === startMs ? intervalMs * rng.next() : intervalMs * (0.9 + rng.next() / 10), say)
      }
      const startMs = world.time.nowMs
      say()
    }
  }
  // What they said before they knew each other named the pace of a small mesh.
  for (const daemon of daemons) daemon.state.deadlines.set('beat', world.time.nowMs)
  for (const daemon of daemons) daemon.rearm()
  world.time.runUntil(world.time.nowMs + SETTLE_MS)
  for (const { state } of daemons) {
    const { config, time } = world
    state.deadlines.set('beat', time.nowMs + Math.round(beatIntervalMs(config, full) * rng.next()))
    state.deadlines.set('renew-passports', time.nowMs + Math.round(renewalMs(config, full, rng) * rng.next()))
  }
  for (const daemon of daemons) daemon.rearm()
}

/** Links within a ward, as many as members keep, and two of each to others. */
function linkWard({ size, overlay, rng }: World, members: readonly number[]): void {
  for (const index of members) {
    for (let i = 0; i < OUTSIDE; i++) overlay.link(index, rng.int(size))
    for (let tries = 0; overlay.isShort(index) && tries < 100; tries++) overlay.link(index, rng.pick(members))
  }
}

/** One that is not simulated in full says where it is to one that is. */
function sayWhere(
  world: World,
  others: readonly { readonly ward: Ward; readonly members: readonly number[] }[],
  from: number,
  to: number,
): void {
  const [daemon, here] = [world.daemons.get(to), others.find(({ members }) => members.includes(from))]
  if (daemon === undefined || here === undefined || world.daemons.has(from)) return
  const message = { t: 'ward-here' as const, body: { ward: nameOf(here.ward) } }
  const { length } = encodeFrame({ t: message.t, b: message.body } as { t: string })
  world.meter.frame('links', from, to, streamBytes(length))
  world.soon(1, () => daemon.input({ type: 'message', from: world.members[from]!.id, message }))
}

/** As large as digests are. */
function digestOf(
  world: World,
  ward: Ward,
  members: readonly number[],
  by: number,
  intervalMs: number,
): VerifiedRecord {
  const contacts = [by, ...members.slice(2, 4)].map((index) => {
    const { id, passport } = world.members[index]!
    return { peerId: id, addresses: passport.spec.node!.addresses.slice(0, 2) }
  })
  const each = { cpuMilli: 8_000, memoryBytes: 30 * 1024 ** 3 }
  const body: WardDigest = {
    ...{ members: members.length, ready: members.length, largest: each, drivers: ['process'], zones: [] },
    free: { cpuMilli: members.length * each.cpuMilli, memoryBytes: members.length * each.memoryBytes },
    names: filterOf(members.map((index) => world.members[index]!.passport.metadata.name)),
    contacts,
    intervalMs,
  }
  return world.members[by]!.seal('digest', nameOf(ward), body, LASTS_INTERVALS * intervalMs, world.time.nowMs)
}
