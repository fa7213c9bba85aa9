/** Members that are restarted: half of them in good order, half by being killed. */
import { linkToWatchers, live, sayBeat, sayPassport, watchersOf } from './begin.ts'
import { CONNECT_MS } from './carrier.ts'
import { LAN_MS } from './gossipsub.ts'
import type { World } from './world.ts'

/** How long a member is away. */
const AWAY_MS = 20_000
/** From a goodbye until the process ends. */
const GOODBYE_MS = 200
/** From a broken link until a watcher has found that nobody listens there. */
const REFUSED_MS = { least: 2, most: 60 } as const
const DAY_MS = 86_400_000

/** From now on each member is restarted so often a day on average. */
export function churn(world: World, restartsPerDay: number): void {
  if (restartsPerDay === 0) return
  const meanMs = DAY_MS / (restartsPerDay * world.size)
  world.soon(-Math.log(1 - world.rng.next()) * meanMs, () => {
    // One whose daemon is not simulated in full, where there are any: what is measured is what the others notice.
    const { full, size } = world
    restart(world, full < size ? full + world.rng.int(size - full) : world.rng.int(size))
    churn(world, restartsPerDay)
  })
}

function restart(world: World, index: number): void {
  if (!world.overlay.isUp(index)) return
  const daemon = world.daemons.get(index)
  const isPlanned = world.rng.next() < 0.5
  if (isPlanned && daemon) daemon.input({ type: 'leave' })
  else if (isPlanned) sayBeat(world, index, 'offline')
  world.soon(isPlanned ? GOODBYE_MS : 0, () => {
    const watchers = watchersOf(world, world.members[index]!.id)
    fall(world, index)
    if (!isPlanned) for (const watcher of watchers) accuse(world, watcher, index)
    world.soon(AWAY_MS, () => boot(world, index, someoneUp(world)))
  })
}

/** Any member that is there. */
export function someoneUp({ size, overlay, rng }: World): number {
  for (;;) {
    const index = rng.int(size)
    if (overlay.isUp(index)) return index
  }
}

/** A member's process ends. */
export function fall(world: World, index: number): void {
  world.daemons.get(index)?.end()
  world.daemons.delete(index)
  world.overlay.fall(index)
}

/** A watcher that is not simulated in full says what it has found. */
function accuse(world: World, watcher: number, index: number): void {
  if (world.daemons.has(watcher)) return
  const { id: subject, epoch, incarnation } = world.members[index]!
  world.soon(world.between(REFUSED_MS), () => {
    if (!world.overlay.isUp(watcher)) return
    const seq = Math.floor(world.time.nowMs / 1_000) * 2 ** 20
    const body = { subject, epoch, incarnation, seq, says: 'refused', loss: 0 }
    world.spread(watcher, world.members[watcher]!.seal('testimony', subject, body, 60_000, world.time.nowMs))
  })
}

/**
 * A member starts, and joins by another. In full when its slot is one of those, or a spare one.
 * @returns when its process starts
 */
export function boot(world: World, index: number, by: number): number {
  const { size, full, overlay } = world
  const { nowMs } = world.time
  const member = world.members[index]!
  member.restart(nowMs)
  overlay.rise(index)
  if (index < full || index >= size) {
    world.makeDaemon(index).input({ type: 'start', epoch: member.epoch, alone: false })
    world.soon(world.between(CONNECT_MS), () => overlay.link(index, by))
    return nowMs
  }
  linkToWatchers(world, index)
  overlay.fill(index)
  world.soon(world.between(CONNECT_MS) + LAN_MS.most, () => {
    sayPassport(world, index)
    sayBeat(world, index)
    live(world, index)
  })
  return nowMs
}
