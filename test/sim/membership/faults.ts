/** What goes wrong in one seed: a palette drawn at first, then faults from it at random moments. */
import type { Rng } from '../../../src/util/rng.ts'
import type { World } from './world.ts'

/** One kind of fault. `rough`: it keeps nodes apart, or still, for longer than silence may last. */
interface Fault {
  readonly name: string
  readonly rough: boolean
  strike(world: World, rng: Rng): string
}

/** How long an ordinary pause lasts at most: shorter than a silence that anybody would be held offline for. */
const SHORT_PAUSE_MS = 900
/** How much faster or slower a clock goes than it should: a thousand times what cheap crystals do. */
const MOST_DRIFT = 0.05
/**
 * How far from the true time a wall clock is set. By what it has drifted until then it leaps further, but by less than
 * is left of anybody's lease: whoever has slept for longer has to wait for heartbeats.
 */
const MOST_AHEAD_MS = 3_000

function pickUp(world: World, rng: Rng): number {
  const up = world.nodes.filter((node) => node.up && world.isOpen(node.index))
  return rng.pick(up).index
}

/** The one that lies already, if there is one: whatever it lies about, a single liar must do no harm. */
function pickLiar(world: World, rng: Rng): number {
  return world.nodes.find(({ liar, errands }) => liar || errands !== 'honest')?.index ?? pickUp(world, rng)
}

/** How many may be gone at a time, so that there is somebody left to know. */
function hasEnough(world: World): boolean {
  const there = world.nodes.filter((node) => node.up && world.isOpen(node.index)).length
  return there > Math.max(1, world.nodes.length / 3)
}

function comeBack(world: World, rng: Rng, index: number, run: () => void): string {
  const afterMs = rng.next() < 0.3 ? 500 + rng.next() * 3_000 : 15_000 + rng.next() * 20_000
  world.events.after(afterMs, run)
  return `${index} for ${Math.round(afterMs)} ms`
}

const FAULTS: readonly Fault[] = [
  {
    name: 'loss',
    rough: false,
    strike(world, rng) {
      const loss = 0.01 + 0.24 * rng.next()
      world.setLoss(loss)
      world.events.after(5_000 + rng.next() * 20_000, () => world.setLoss(0))
      return loss.toFixed(2)
    },
  },
  {
    name: 'copies and detours',
    rough: false,
    strike(world, rng) {
      world.network.copies = 0.3 * rng.next()
      world.network.late = 0.2 * rng.next()
      return `${world.network.copies.toFixed(2)} ${world.network.late.toFixed(2)}`
    },
  },
  {
    name: 'kill',
    rough: false,
    strike(world, rng) {
      if (!hasEnough(world)) return 'nobody'
      const index = pickUp(world, rng)
      world.kill(index)
      return comeBack(world, rng, index, () => world.boot(index))
    },
  },
  {
    name: 'leave',
    rough: false,
    strike(world, rng) {
      if (!hasEnough(world)) return 'nobody'
      const index = pickUp(world, rng)
      world.leave(index)
      return comeBack(world, rng, index, () => world.boot(index))
    },
  },
  {
    name: 'silence',
    rough: false,
    strike(world, rng) {
      if (!hasEnough(world)) return 'nobody'
      const index = pickUp(world, rng)
      world.setSilent(index, true)
      return comeBack(world, rng, index, () => world.setSilent(index, false))
    },
  },
  {
    name: 'mass loss',
    rough: true,
    strike(world, rng) {
      const killed: number[] = []
      for (const { index } of world.nodes) {
        if (world.nodes[index]!.up && rng.next() < 0.5 && hasEnough(world)) {
          world.kill(index)
          killed.push(index)
        }
      }
      world.events.after(20_000 + rng.next() * 20_000, () => killed.forEach((index) => world.boot(index)))
      return `${killed.length}`
    },
  },
  {
    name: 'pause',
    rough: false,
    strike(world, rng) {
      const index = pickUp(world, rng)
      const lastsMs = 100 + rng.next() * (SHORT_PAUSE_MS - 100)
      world.pause(index, lastsMs)
      return `${index} for ${Math.round(lastsMs)} ms`
    },
  },
  {
    name: 'stall',
    rough: true,
    strike(world, rng) {
      const index = pickUp(world, rng)
      const lastsMs = 1_000 + rng.next() * 9_000
      world.pause(index, lastsMs)
      return `${index} for ${Math.round(lastsMs)} ms`
    },
  },
  {
    name: 'partition',
    rough: true,
    strike(world, rng) {
      if (world.network.shut.size > 0) return 'one is enough'
      const side = world.nodes.map(() => rng.next() < 0.4)
      const oneWay = rng.next() < 0.5
      const ways: [number, number][] = []
      side.forEach((a, from) =>
        side.forEach((b, to) => {
          if (a !== b && (a || !oneWay)) ways.push([from, to])
        }),
      )
      world.shut(ways)
      world.events.after(5_000 + rng.next() * 25_000, () => world.heal())
      return `${side.filter(Boolean).length} of ${side.length}${oneWay ? ', one way' : ''}`
    },
  },
  {
    name: 'shut way',
    rough: true,
    strike(world, rng) {
      if (world.network.shut.size > 0) return 'one is enough'
      const index = pickUp(world, rng)
      const ways = world.nodes.flatMap((other): [number, number][] =>
        other.index !== index && rng.next() < 0.5 ? [[index, other.index]] : [],
      )
      world.shut(ways)
      world.events.after(5_000 + rng.next() * 25_000, () => world.heal())
      return `${ways.length} from ${index}`
    },
  },
  {
    name: 'flapping links',
    rough: false,
    strike(world, rng) {
      const index = pickUp(world, rng)
      for (let turn = 0; turn < 10; turn++) {
        world.events.after(turn * 700, () => {
          for (const peer of world.nodes[index]!.links) world.breakLink(index, peer)
        })
      }
      return `${index}`
    },
  },
  {
    name: 'drift',
    rough: false,
    strike(world, rng) {
      const index = pickUp(world, rng)
      const rate = 1 + MOST_DRIFT * (2 * rng.next() - 1)
      world.drift(index, rate)
      return `${index} at ${rate.toFixed(3)}`
    },
  },
  {
    name: 'clock set',
    rough: false,
    strike(world, rng) {
      const index = pickUp(world, rng)
      const aheadMs = MOST_AHEAD_MS * (2 * rng.next() - 1)
      world.setWall(index, aheadMs)
      return `${index} to ${Math.round(aheadMs)} ms`
    },
  },
  {
    name: 'liar',
    rough: false,
    strike(world, rng) {
      // One of them, for good: two that agree are a quorum, and then their victim's word is all there is.
      if (world.nodes.some(({ liar }) => liar)) return 'one is enough'
      const index = pickLiar(world, rng)
      world.nodes[index]!.liar = true
      lie(world, rng, index, 1)
      return `${index}`
    },
  },
]

/** Says of everybody, again and again, that nobody is there. */
function lie(world: World, rng: Rng, index: number, seq: number): void {
  world.events.after(300 + 400 * rng.next(), () => {
    const { id, up, state } = world.nodes[index]!
    const victims = [...state.members.values()]
    if (up && victims.length > 0) {
      const { id: subject, pair } = rng.pick(victims)
      const says = rng.pick(['refused', 'silent'] as const)
      const numbers = { ...pair, seq: Number.MAX_SAFE_INTEGER - 1_000_000 + seq, loss: rng.next() }
      world.testify(index, { type: 'testimony', testimony: { watcher: id, subject, ...numbers, says } })
    }
    lie(world, rng, index, seq + 1)
  })
}

/**
 * In half of all seeds somebody lies when it is asked whether another member answers it, for good and from the
 * beginning: nobody can notice before something else goes wrong. @returns what to say of it
 */
export function plantFalseErrands(world: World, rng: Rng): string | undefined {
  const errands = rng.pick(['honest', 'honest', 'vouches', 'silent'] as const)
  const node = world.nodes[pickLiar(world, rng)]!
  node.errands = errands
  return errands === 'honest' ? undefined : `FAULT false errands: ${node.index} ${errands}`
}

/** The faults of one seed. Half of all seeds are gentle: nobody is cut off or stands still for long. */
export function drawFaults(rng: Rng): { readonly gentle: boolean; readonly palette: readonly Fault[] } {
  const gentle = rng.next() < 0.5
  const possible = FAULTS.filter(({ rough }) => !gentle || !rough)
  const palette = rng.shuffle([...possible]).slice(0, 1 + rng.int(possible.length))
  return { gentle, palette }
}

/** Undoes what is still wrong, except who is dead, and clocks: all must come to agree whatever these say. */
export function healAll(world: World): void {
  world.setLoss(0)
  world.network.copies = 0
  world.network.late = 0
  world.heal()
  for (const { index } of world.nodes) world.setSilent(index, false)
}
