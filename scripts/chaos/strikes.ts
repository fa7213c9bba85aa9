/** What is done to a mesh, and what must come of it. Each leaves the mesh whole again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { rounded, type Figure } from '../bench/figure.ts'
import { meet, noteWrongs, type Fleet } from '../bench/liveness/fleet.ts'
import type { Member } from '../bench/liveness/member.ts'
import { untilTrue } from '../bench/wait.ts'

/** A mesh under test, and how much of each there is to be. */
export interface Chaos {
  readonly fleet: Fleet
  readonly say: (text: string) => void
  /** Whose turn it is: each strike hits others. */
  readonly turn: number
  /** How long what lasts is to last. */
  readonly lastMs: { readonly pause: number; readonly split: number; readonly loss: number; readonly starve: number }
  /** Share of packets that are lost on each link. */
  readonly loss: number
}

/** A figure, and whether other work on the machine shows in it: how fast something was is judged only when asked. */
export type Finding = Figure & { readonly isSpeed?: boolean }

/** One kind of it. */
export interface Strike {
  readonly name: string
  readonly what: string
  run(chaos: Chaos): Promise<Finding[]>
}

/** All who live know, or the figure is missed by far. */
const OFFLINE_TIMEOUT_MS = 90_000
/** A mesh that was whole is whole again by then; the bound, and how long is waited beyond it. */
const BACK_MS = 30_000
const MEET_TIMEOUT_MS = 120_000
/** The brake holds for half a minute at least, and each loss meanwhile prolongs it. */
const BRAKE_OFF_TIMEOUT_MS = 120_000

/** How long until the last of `witnesses` holds `victim` offline. */
async function untilOffline(victim: Member, witnesses: readonly Member[], fromMs: number): Promise<number> {
  const said = witnesses.map(({ losses, host }) => losses.of(victim.id, OFFLINE_TIMEOUT_MS, host.name))
  return Math.max(...(await Promise.all(said))) - fromMs
}

/** How long until all know each other again. */
async function untilWhole(fleet: Fleet): Promise<number> {
  const fromMs = performance.now()
  await meet(fleet, { withinMs: MEET_TIMEOUT_MS })
  return performance.now() - fromMs
}

/** How long it took until all knew, which is to be judged only on a quiet machine. */
const known = (strike: string, tookMs: number, how: string, atMost: number): Finding => ({
  ...figure(`${strike}: all know`, tookMs, 'ms', `${how} until the last says so`, atMost),
  isSpeed: true,
})

const figure = (name: string, measured: number, unit: string, how: string, atMost?: number): Figure => ({
  name,
  measured: rounded(measured),
  unit,
  how,
  ...(atMost !== undefined && { target: { atMost } }),
})

const whole = (name: string, ms: number) => figure(`${name}: whole again`, ms, 'ms', 'all know each other', BACK_MS)

function victimOf({ fleet, turn }: Chaos): { victim: Member; others: Member[]; index: number } {
  const index = (turn * 3 + 1) % fleet.members.length
  const victim = fleet.members[index]!
  return { victim, others: fleet.members.filter((member) => member !== victim), index }
}

export const kill: Strike = {
  name: 'kill',
  what: 'kill -9 of one daemon, which is started again',
  async run(chaos) {
    const { fleet } = chaos
    const { victim, others, index } = victimOf(chaos)
    const fromMs = performance.now()
    await victim.kill()
    const tookMs = await untilOffline(victim, others, fromMs)
    fleet.members.splice(index, 1)
    noteWrongs(fleet, 'when one was killed', [victim])
    fleet.members.splice(index, 0, await fleet.kind.start(victim.host, others[0]))
    const backMs = await untilWhole(fleet)
    return [known('kill', tookMs, 'kill -9', 1_000), whole('kill', backMs)]
  },
}

/** One member is silent for a while: both ways of being so are told, and found, alike. */
function silence(
  name: string,
  what: string,
  by: string,
  ways: Record<'begin' | 'end' | 'whole', (victim: Member) => unknown>,
): Strike {
  return {
    name,
    what,
    async run(chaos) {
      const { fleet, lastMs } = chaos
      const { victim, others } = victimOf(chaos)
      const fromMs = performance.now()
      await ways.begin(victim)
      const tookMs = await untilOffline(victim, others, fromMs)
      await pause(Math.max(0, fromMs + lastMs.pause - performance.now()))
      await ways.end(victim)
      const backMs = await untilWhole(fleet)
      ways.whole(victim)
      noteWrongs(fleet, `${name}: others than the victim`, [victim])
      return [known(name, tookMs, by, 3_000), whole(name, backMs)]
    },
  }
}

export const stop = silence('stop', 'SIGSTOP of one daemon, as a suspended machine, and SIGCONT', 'SIGSTOP', {
  begin: ({ pid }) => process.kill(pid, 'SIGSTOP'),
  end: ({ pid }) => process.kill(pid, 'SIGCONT'),
  whole: () => {},
})

export const cut = silence('cut', 'the cable of one daemon pulled, and plugged in again', 'cable pulled', {
  begin: ({ host }) => host.silence(),
  end: ({ host }) => host.heal(),
  // It held the others offline, and was right as far as it could see until it heard them again.
  whole: ({ losses }) => losses.clear(),
})

export const split: Strike = {
  name: 'split',
  what: 'the mesh in two halves, and one again',
  async run({ fleet, lastMs, say }) {
    const middle = Math.ceil(fleet.members.length / 2)
    const halves = [fleet.members.slice(0, middle), fleet.members.slice(middle)]
    const fromMs = performance.now()
    for (const { host } of halves[1]!) await host.moveTo!('br1')
    const apart = halves.map((members) => meet(fleet, { members, withinMs: MEET_TIMEOUT_MS }))
    await Promise.all(apart)
    const apartMs = performance.now() - fromMs
    const braked = await countCutOff(fleet)
    say(`two halves after ${Math.round(apartMs)} ms, ${braked} of ${fleet.members.length} hold their work`)
    await pause(Math.max(0, fromMs + lastMs.split - performance.now()))
    for (const { host } of halves[1]!) await host.heal()
    const backMs = await untilWhole(fleet)
    noteWrongsWithin(fleet, halves)
    const figures = [
      figure('split: both halves know', apartMs, 'ms', 'each half holds exactly the other offline', BACK_MS),
      whole('split', backMs),
    ]
    if (fleet.members[0]!.isCutOff === undefined) return figures
    const held = 'reschedule nothing, since it may be them who are cut off'
    const heldFigure = figure('split: nodes that hold on', fleet.members.length - braked, 'fewer than all', held, 0)
    await untilTrue(
      'the brakes let go',
      BRAKE_OFF_TIMEOUT_MS,
      async () => (await countCutOff(fleet)) === 0,
      undefined,
      500,
    )
    const offMs = performance.now() - fromMs
    return [...figures, heldFigure, figure('split: all work on', offMs, 'ms', 'since the split, brakes let go')]
  },
}

async function countCutOff({ members }: Fleet): Promise<number> {
  const each = await Promise.all(members.map(async (member) => (await member.isCutOff?.()) ?? false))
  return each.filter(Boolean).length
}

/** Each half is right about the other, and must not be wrong about itself. */
function noteWrongsWithin(fleet: Fleet, halves: readonly (readonly Member[])[]): void {
  for (const [index, members] of halves.entries()) {
    const half = { ...fleet, members: [...members] }
    noteWrongs(half, 'in its own half', halves[1 - index])
  }
}

export const loss: Strike = {
  name: 'loss',
  what: 'packets lost at random on every link',
  async run({ fleet, lastMs, loss: share }) {
    const percent = Math.round(share * 100)
    const rules = `add table inet chaos; add chain inet chaos in { type filter hook input priority 0; };
      add rule inet chaos in iifname eth0 numgen random mod 100 < ${percent} drop`
    await Promise.all(fleet.members.map(({ host }) => host.exec('nft', [rules])))
    await pause(lastMs.loss)
    await Promise.all(fleet.members.map(({ host }) => host.exec('nft', ['delete table inet chaos'])))
    const wrong = countWrongs(fleet, `at ${percent} % loss`)
    const how = `${percent} % of packets lost on every link, ${lastMs.loss / 1000} s`
    return [figure('loss: held offline though well', wrong, 'times', how, 0), whole('loss', await untilWhole(fleet))]
  },
}

export const starve: Strike = {
  name: 'starve',
  what: 'all daemons on one core, beside a busy loop',
  async run({ fleet, lastMs }) {
    const busy = spawn('taskset', ['-c', '0', 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
    const ended = once(busy, 'exit')
    try {
      await pin(fleet, '0')
      await pause(lastMs.starve)
    } finally {
      busy.kill('SIGKILL')
      await ended
      await pin(fleet, '0-1023')
    }
    const wrong = countWrongs(fleet, 'starved of CPU')
    const how = `${fleet.members.length} daemons and a busy loop on one core, ${lastMs.starve / 1000} s`
    return [
      figure('starve: held offline though well', wrong, 'times', how, 0),
      whole('starve', await untilWhole(fleet)),
    ]
  },
}

/** Says on which cores all may run: those of a list that the machine has. */
async function pin({ members }: Fleet, cores: string): Promise<void> {
  for (const { pid } of members) {
    const child = spawn('taskset', ['-apc', cores, String(pid)], { stdio: 'ignore' })
    await once(child, 'exit')
  }
}

/** Notes all that was said just now, when all were well. @returns how many words that were */
function countWrongs(fleet: Fleet, when: string): number {
  const before = fleet.wrongs.length
  noteWrongs(fleet, when)
  return fleet.wrongs.length - before
}

/** In the order in which they are run. */
export const STRIKES: readonly Strike[] = [kill, stop, cut, split, loss, starve]
