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
import type { Hosts } from '../hosts.ts'
import { althing } from '../liveness/althing.ts'
import type { Kind, Member } from '../liveness/member.ts'
import { GET_SERF, serf, serfVersion } from '../liveness/serf.ts'
import { sentBytes, usageOf } from '../process-usage.ts'
import { untilTrue } from '../wait.ts'

/** All see all: generous, for 32 daemons that start on two cores. */
const MEET_TIMEOUT_MS = 120_000
const MEET_LOOK_MS = 100
/** Thereafter until links, delays and losses are as they usually are. */
const SETTLE_MS = 5_000
/** Joining is over and the first garbage collected. */
const IDLE_SETTLE_MS = 12_000
const OFFLINE_TIMEOUT_MS = 90_000
/** Daemons that start at the same time: more only wait for one another. */
const STARTS_AT_ONCE = 4

/** Members of a mesh, of which the larger is left out of a quick run. */
const SMALL = 8
const LARGE = 32

const KILLED = { name: 'kill -9', targetMs: 1_000 } as const
const SILENT = { name: 'silence', targetMs: 3_000 } as const
type Stroke = typeof KILLED | typeof SILENT

interface Mesh {
  readonly kind: Kind
  readonly hosts: Hosts
  readonly members: Member[]
  /** Who held whom offline that was well, and when. */
  readonly wrongs: string[]
}

async function assemble(kind: Kind, hosts: Hosts): Promise<Mesh> {
  const [first, ...others] = hosts.all
  const seed = await kind.start(first!)
  const members = [seed]
  while (others.length > 0) {
    members.push(...(await Promise.all(others.splice(0, STARTS_AT_ONCE).map((host) => kind.start(host, seed)))))
  }
  const mesh = { kind, hosts, members, wrongs: [] }
  await meet(mesh)
  return mesh
}

/** Resolves once each member has all the others. */
async function meet({ kind, members }: Mesh): Promise<void> {
  let counts: number[] = []
  const look = async (): Promise<boolean> => {
    counts = await Promise.all(members.map((member) => member.countPresent()))
    return counts.every((count) => count === members.length)
  }
  const what = `${members.length} members of ${kind.name} that know each other`
  await untilTrue(what, MEET_TIMEOUT_MS, look, () => `they see ${counts.join(', ')}`, MEET_LOOK_MS)
}

/** Strikes one member, waits until the last of the others holds it offline, and starts it anew. @returns how long */
async function round(mesh: Mesh, index: number, stroke: Stroke): Promise<number> {
  const { kind, members } = mesh
  const victim = members[index]!
  const survivors = members.filter((member) => member !== victim)
  await pause(SETTLE_MS)
  await meet(mesh)
  noteWrongs(mesh, 'between rounds')
  const fromMs = performance.now()
  await (stroke === KILLED ? victim.kill() : victim.host.silence())
  const said = survivors.map(({ losses, host }) => losses.of(victim.id, OFFLINE_TIMEOUT_MS, host.name))
  const tookMs = Math.max(...(await Promise.all(said))) - fromMs
  await victim.kill()
  // Cut off, it held all the others offline, and was right as far as it could see.
  members.splice(index, 1)
  noteWrongs(mesh, `while ${victim.host.name} was lost`, victim)
  await victim.host.heal()
  members.splice(index, 0, await kind.start(victim.host, survivors[index % survivors.length]))
  await meet(mesh)
  return tookMs
}

/** Notes what was said of members that are well: all that was said since the last time, but of the `lost` one. */
function noteWrongs({ members, wrongs }: Mesh, when: string, lost?: Member): void {
  const nameOf = (id: string): string => members.find((member) => member.id === id)?.host.name ?? id
  for (const { host, losses } of members) {
    for (const id of losses.clear()) if (id !== lost?.id) wrongs.push(`${host.name} of ${nameOf(id)}, ${when}`)
  }
}

async function strike(mesh: Mesh, stroke: Stroke, count: number, note: string, say: Bench['say']): Promise<Figure[]> {
  const { kind, members, hosts } = mesh
  const rounds: number[] = []
  // Each time it is another's turn: who watches a member, and how well, differs from one to the next.
  for (let i = 0; i < count; i++) rounds.push(rounded(await round(mesh, (i * 3) % members.length, stroke)))
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
async function idleCosts({ kind, members }: Mesh, seconds: number): Promise<Figure[]> {
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
    const mesh = await assemble(kind, hosts)
    const figures: Figure[] = []
    const costs = size === SMALL ? await idleCosts(mesh, quick ? 20 : 30) : []
    const count = quick ? 4 : size === SMALL ? 10 : 6
    for (const stroke of [KILLED, SILENT]) {
      say(`${kind.name}, ${size} members, ${stroke.name}: ${count} rounds`)
      figures.push(...(await strike(mesh, stroke, count, note, say)))
    }
    noteWrongs(mesh, 'after the last round')
    const wrong: Figure = {
      name: `${kind.name}: held offline though well, ${size} members`,
      unit: 'times',
      measured: mesh.wrongs.length,
      ...(kind.name === 'Althing' && { target: { atMost: 0 } }),
      how: 'by any other, from the first start to the last round',
      detail: { said: mesh.wrongs.join('; ') },
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
