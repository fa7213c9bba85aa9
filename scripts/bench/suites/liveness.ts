/**
 * How long it takes until all survivors hold a member offline, killed or silent, and what finding that out costs
 * while all are well; next to it the same for Serf, one after the other on the same hosts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { median, rounded } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'
import { makeHosts } from '../hosts.ts'
import { althing } from '../liveness/althing.ts'
import { assemble, meet, noteWrongs } from '../liveness/fleet.ts'
import type { Fleet } from '../liveness/fleet.ts'
import type { Kind, Member } from '../liveness/member.ts'
import { GET_SERF, serf, serfVersion } from '../liveness/serf.ts'
import { sentBytes, usageOf } from '../process-usage.ts'

/** After all have met until links, delays and losses are as they usually are. */
const SETTLE_MS = 5_000
/** Joining is over and the first garbage collected. */
const IDLE_SETTLE_MS = 12_000
const OFFLINE_TIMEOUT_MS = 90_000

/** Members of a mesh, of which the larger is left out of a quick run. */
const SMALL = 8
const LARGE = 32

const KILLED = { name: 'kill -9', targetMs: 1_000 } as const
const SILENT = { name: 'silence', targetMs: 3_000 } as const
type Stroke = typeof KILLED | typeof SILENT

/** Strikes one member, waits until the last of the others holds it offline, and starts it anew. @returns how long */
async function round(fleet: Fleet, index: number, stroke: Stroke): Promise<number> {
  const { kind, members } = fleet
  const victim = members[index]!
  const survivors = members.filter((member) => member !== victim)
  await pause(SETTLE_MS)
  await meet(fleet)
  noteWrongs(fleet, 'between rounds')
  const fromMs = performance.now()
  await (stroke === KILLED ? victim.kill() : victim.host.silence())
  const said = survivors.map(({ losses, host }) => losses.of(victim.id, OFFLINE_TIMEOUT_MS, host.name))
  const tookMs = Math.max(...(await Promise.all(said))) - fromMs
  await victim.kill()
  // Cut off, it held all the others offline, and was right as far as it could see.
  members.splice(index, 1)
  noteWrongs(fleet, `while ${victim.host.name} was lost`, [victim])
  await victim.host.heal()
  members.splice(index, 0, await kind.start(victim.host, survivors[index % survivors.length]))
  await meet(fleet)
  return tookMs
}

async function strike(fleet: Fleet, stroke: Stroke, count: number, note: string, say: Bench['say']): Promise<Figure[]> {
  const { kind, members, hosts } = fleet
  const rounds: number[] = []
  // Each time it is another's turn: who watches a member, and how well, differs from one to the next.
  for (let i = 0; i < count; i++) rounds.push(rounded(await round(fleet, (i * 3) % members.length, stroke)))
  const by = stroke === KILLED ? '' : ` of ${hosts.silencedBy}`
  const name = `${kind.name}: offline after ${stroke.name}, ${members.length} members`
  const where = stroke === KILLED ? `; ${hosts.what}${note}` : ''
  const how = `${count} rounds${by}, until the last of ${members.length - 1} others says so${where}`
  const target = kind.name === 'Althing' && { target: { atMost: stroke.targetMs } }
  say(`${name}: ${rounds.join(', ')} ms`)
  const detail = { rounds, load: loadavg()[0]! }
  return [
    { name: `${name}, worst`, unit: 'ms', measured: Math.max(...rounds), ...target, how, detail },
    { name: `${name}, median`, unit: 'ms', measured: median(rounds), how: 'of the same rounds' },
  ]
}

/** What a member takes while all are well. What it sends is not known (NaN, and left out) on a shared device. */
async function idleCosts({ kind, members }: Fleet, seconds: number): Promise<Figure[]> {
  const sentOf = ({ pid, host }: Member): number => (host.device === undefined ? NaN : sentBytes(pid, host.device))
  await pause(IDLE_SETTLE_MS)
  const before = members.map((member) => ({ ...usageOf(member.pid), sent: sentOf(member) }))
  await pause(seconds * 1000)
  const used = members.map((member, i) => {
    const [from, to] = [before[i]!, usageOf(member.pid)]
    const tookSeconds = (to.atMs - from.atMs) / 1000
    return {
      cpuPercent: rounded(((to.cpuSeconds - from.cpuSeconds) / tookSeconds) * 100),
      rssMb: rounded(to.rssBytes / 1e6),
      sentPerSecond: rounded((sentOf(member) - from.sent) / tookSeconds),
    }
  })
  const figure = (name: string, unit: string, field: keyof (typeof used)[number]): Figure => {
    const each = used.map((one) => one[field])
    const how = `median of ${members.length}, over ${seconds} s`
    return {
      name: `${kind.name}: ${name}, ${members.length} members`,
      unit,
      measured: median(each),
      how,
      detail: { each },
    }
  }
  const figures = [
    figure('idle CPU', '% of a core', 'cpuPercent'),
    figure('memory (RSS)', 'MB', 'rssMb'),
    figure('sent while idle', 'B/s', 'sentPerSecond'),
  ]
  return figures.filter(({ measured }) => !Number.isNaN(measured))
}

async function measure(kind: Kind, size: number, note: string, { quick, say }: Bench): Promise<Figure[]> {
  const hosts = await makeHosts(size)
  try {
    say(`${size} members of ${kind.name}, ${hosts.what}`)
    const fleet = await assemble(kind, hosts)
    const figures: Figure[] = []
    const costs = size === SMALL ? await idleCosts(fleet, quick ? 20 : 30) : []
    const count = quick ? 4 : size === SMALL ? 10 : 6
    for (const stroke of [KILLED, SILENT]) {
      say(`${kind.name}, ${size} members, ${stroke.name}: ${count} rounds`)
      figures.push(...(await strike(fleet, stroke, count, note, say)))
    }
    noteWrongs(fleet, 'after the last round')
    const wrong: Figure = {
      name: `${kind.name}: held offline though well, ${size} members`,
      unit: 'times',
      measured: fleet.wrongs.length,
      ...(kind.name === 'Althing' && { target: { atMost: 0 } }),
      how: 'by any other, from the first start to the last round',
      detail: { said: fleet.wrongs.join('; ') },
    }
    return [...figures, wrong, ...costs]
  } finally {
    await hosts.close()
  }
}

async function run(bench: Bench): Promise<Figure[]> {
  const version = await serfVersion()
  if (version === undefined) bench.say(GET_SERF)
  const figures: Figure[] = []
  for (const size of bench.quick ? [SMALL] : [SMALL, LARGE]) {
    const dir = mkdtempSync(join(tmpdir(), 'althing-bench-'))
    try {
      const note = version === undefined ? ` (${GET_SERF})` : ''
      figures.push(...(await measure(althing(bench.launcher, dir), size, note, bench)))
      if (version !== undefined) figures.push(...(await measure(serf(), size, `, Serf ${version}`, bench)))
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
  return figures
}

export const liveness: Suite = {
  name: 'liveness',
  what: 'a member killed or silent until all others hold it offline, next to Serf',
  onlyWhenNamed: true,
  run,
}
