/** What goes wrong during a seed: at least three faults, chosen and timed by the seed. */
import type { Rng } from '../../src/util/rng.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'
import type { Timeline } from './timeline.ts'

export interface FaultOptions {
  readonly time: Timeline
  readonly rng: Rng
  readonly network: Network
  readonly nodes: readonly SimNode[]
  /** Faults begin within this time. */
  readonly lastsMs: number
  /** A silence longer than this makes submitters give their attempts up; some faults last longer. */
  readonly lostAfterMs: number
  readonly note: (text: string) => void
  /** A user cancels a task at its submitter. */
  readonly cancel: (submitter: string, taskId: string) => void
  /** Healing waits until `ms` from now. */
  readonly lasts: (ms: number) => void
  /** How often a message is repeated, 0 to 1; changed by a fault. */
  readonly setRepeats: (share: number) => void
}

type Fault = (options: FaultOptions) => { readonly says: string; readonly endsMs: number }

/** Links break, one after the other, and are dialled again. */
const resets: Fault = ({ time, rng, network, nodes }) => {
  const times = 3 + rng.int(12)
  let atMs = 0
  for (let i = 0; i < times; i++) {
    const [a, b] = pair(rng, nodes)
    atMs += rng.int(800)
    time.after(atMs, () => network.reset(a.id, b.id))
  }
  return { says: `${times} links break`, endsMs: atMs }
}

/** Messages of a node take long. */
const delays: Fault = ({ time, rng, network, nodes }) => {
  const node = rng.pick(nodes)
  const extraMs = rng.pick([100, 450, 1_500, 6_000])
  const lastsMs = 1_000 + rng.int(12_000)
  for (const other of nodes) if (other !== node) network.slow(node.id, other.id, extraMs)
  time.after(lastsMs, () => {
    for (const other of nodes) if (other !== node) network.slow(node.id, other.id, 0)
  })
  return { says: `${node.id} is slow to reach: +${extraMs} ms`, endsMs: lastsMs }
}

/** Gossip of records is lost, and some probes, everywhere or on the links of one node. Sync has to make up for it. */
const losses: Fault = ({ time, rng, network, nodes }) => {
  const node = rng.next() < 0.5 ? rng.pick(nodes) : undefined
  const loss = { records: rng.pick([0.2, 0.5, 0.9, 1]), datagrams: rng.pick([0, 0.1, 0.4]) }
  const lastsMs = 2_000 + rng.int(25_000)
  const links = nodes.flatMap((a, index) => nodes.slice(0, index).map((b) => [a, b] as const))
  const struck = links.filter(([a, b]) => node === undefined || node === a || node === b)
  for (const [a, b] of struck) network.lose(a.id, b.id, loss)
  time.after(lastsMs, () => {
    for (const [a, b] of struck) network.lose(a.id, b.id)
  })
  const where = node === undefined ? 'everywhere' : `to and from ${node.id}`
  return { says: `${100 * loss.records} % of all gossip is lost ${where} for ${lastsMs} ms`, endsMs: lastsMs }
}

/** How long a daemon stays away: mostly short, sometimes beyond the time after which it is given up. */
function absence(rng: Rng, lostAfterMs: number): number {
  return rng.next() < 0.35 ? lostAfterMs + rng.int(6_000) : rng.int(rng.pick([40, 1_000, 12_000]))
}

function crashFor(node: SimNode, { time }: FaultOptions, awayMs: number): void {
  node.crash()
  time.after(awayMs, () => reviveNode(node))
}

/** Starts a daemon that is not running. */
function reviveNode(node: SimNode): void {
  if (!node.up) node.boot()
}

/** `kill -9` of a daemon. */
const crash: Fault = (options) => {
  const node = options.rng.pick(options.nodes)
  const awayMs = absence(options.rng, options.lostAfterMs)
  crashFor(node, options, awayMs)
  return { says: `${node.id} crashes for ${awayMs} ms`, endsMs: awayMs }
}

/** Moments between writing and acting that are worth dying in. */
const MOMENTS = [
  'submit',
  'submit:asked',
  'cancel',
  'run-started',
  'run-ended',
  'wake',
  'output-fetched',
  'message:bid',
  'message:award',
  'message:contract',
  'message:report',
  'message:cancel',
  'message:settle',
] as const

/**
 * A daemon dies between writing and acting on an input of a certain kind, the first time one gets it; or between asking
 * others about a new job and writing it.
 */
const doom: Fault = (options) => {
  const { rng, nodes, time, lostAfterMs, lasts, note } = options
  const moment = rng.pick(MOMENTS)
  const awayMs = absence(rng, lostAfterMs)
  const sworn = {
    moment,
    happened: (victim: SimNode): void => {
      for (const node of nodes) if (node.doom === sworn) node.doom = undefined
      note(`${victim.id} dies at ${moment}, before it acts on it, for ${awayMs} ms`)
      lasts(awayMs)
      time.after(awayMs, () => reviveNode(victim))
    },
  }
  for (const node of nodes) node.doom = sworn
  return { says: `the first daemon to write at ${moment} will die`, endsMs: 0 }
}

/** A machine that works loses power: daemon and processes are gone, and sometimes a user had just enough of it. */
const powerCut: Fault = (options) => {
  const { rng, nodes, time, lostAfterMs, cancel } = options
  const running = (node: SimNode) =>
    [...node.state.negotiation.contracts.values()].filter(({ phase }) => phase === 'running')
  const working = nodes.filter((node) => node.up && running(node).length > 0)
  const node = rng.pick(working.length > 0 ? working : nodes)
  const cancelled = rng.next() < 0.6 ? running(node)[0] : undefined
  const awayMs = absence(rng, lostAfterMs)
  crashFor(node, options, awayMs)
  node.driver.powerCut()
  if (cancelled) time.after(rng.int(50), () => cancel(cancelled.submitter, cancelled.taskId))
  return { says: `${node.id} loses power for ${awayMs} ms`, endsMs: awayMs }
}

/** A planned restart: it says goodbye first. */
const goodbye: Fault = (options) => {
  const node = options.rng.pick(options.nodes)
  const awayMs = 50 + options.rng.int(8_000)
  if (node.online) node.input({ type: 'leave' })
  options.time.after(options.rng.int(300), () => {
    if (node.up) crashFor(node, options, awayMs)
  })
  return { says: `${node.id} restarts in good order, away ${awayMs} ms`, endsMs: 400 + awayMs }
}

/** Two sides that do not hear each other. */
const partition: Fault = ({ time, rng, network, nodes, lostAfterMs }) => {
  const side = rng.shuffle([...nodes]).slice(0, 1 + rng.int(nodes.length >> 1))
  const others = nodes.filter((node) => !side.includes(node))
  const lastsMs = rng.next() < 0.3 ? lostAfterMs + rng.int(10_000) : rng.int(rng.pick([1_500, 20_000]))
  const each = (what: (a: string, b: string) => void) => side.forEach((a) => others.forEach((b) => what(a.id, b.id)))
  each((a, b) => network.block(a, b))
  time.after(lastsMs, () => each((a, b) => network.unblock(a, b)))
  return { says: `${side.map(({ id }) => id).join(' ')} are cut off for ${lastsMs} ms`, endsMs: lastsMs }
}

/** Processes take long to start. */
const slowStarts: Fault = ({ time, rng, nodes }) => {
  const node = rng.pick(nodes)
  const lastsMs = 2_000 + rng.int(15_000)
  node.driver.slowMs = rng.pick([300, 2_000, 9_000])
  const { slowMs } = node.driver
  time.after(lastsMs, () => {
    node.driver.slowMs = 0
  })
  return { says: `${node.id} starts processes ${slowMs} ms late for ${lastsMs} ms`, endsMs: lastsMs }
}

/** A disk refuses writes for a while. */
const diskFull: Fault = ({ time, rng, nodes }) => {
  const node = rng.pick(nodes)
  const lastsMs = 500 + rng.int(12_000)
  node.disk.full = true
  time.after(lastsMs, () => {
    node.disk.full = false
  })
  return { says: `the disk of ${node.id} is full for ${lastsMs} ms`, endsMs: lastsMs }
}

/** Messages and records arrive twice. */
const repeats: Fault = ({ time, rng, setRepeats }) => {
  const lastsMs = 2_000 + rng.int(20_000)
  setRepeats(rng.pick([0.3, 1, 1]))
  time.after(lastsMs, () => setRepeats(0))
  return { says: `messages are repeated for ${lastsMs} ms`, endsMs: lastsMs }
}

const FAULTS: readonly Fault[] = [
  resets,
  resets,
  delays,
  losses,
  losses,
  crash,
  crash,
  doom,
  doom,
  doom,
  doom,
  powerCut,
  powerCut,
  goodbye,
  partition,
  partition,
  slowStarts,
  diskFull,
  repeats,
  repeats,
]

function pair(rng: Rng, nodes: readonly SimNode[]): [SimNode, SimNode] {
  const first = rng.pick(nodes)
  return [first, rng.pick(nodes.filter((node) => node !== first))]
}

/** Plans a seed's faults, at least three. @returns what tells, once they have begun, when the last of them ends */
export function planFaults(given: Omit<FaultOptions, 'lasts'>): { readonly endsAtMs: number } {
  const { time, rng, lastsMs, note } = given
  const plan = { endsAtMs: time.nowMs + lastsMs }
  const lasts = (ms: number): void => {
    plan.endsAtMs = Math.max(plan.endsAtMs, time.nowMs + ms)
  }
  const options = { ...given, lasts }
  const count = 3 + rng.int(4)
  for (let i = 0; i < count; i++) {
    const fault = rng.pick(FAULTS)
    time.after(1_500 + rng.int(lastsMs - 3_000), () => {
      const { says, endsMs } = fault(options)
      note(says)
      lasts(endsMs)
    })
  }
  return plan
}

/** Ends whatever still goes wrong. */
export function healAll({ network, nodes, setRepeats }: Pick<FaultOptions, 'network' | 'nodes' | 'setRepeats'>): void {
  setRepeats(0)
  for (const node of nodes) {
    node.doom = undefined
    node.disk.full = false
    node.driver.slowMs = 0
    for (const other of nodes) {
      if (other === node) continue
      network.unblock(node.id, other.id)
      network.slow(node.id, other.id, 0)
      network.lose(node.id, other.id)
    }
    reviveNode(node)
  }
}
