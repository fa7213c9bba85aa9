/**
 * Round trips that the hello costs a link between two members of a cluster, and those of the whole link.
 *
 * Two daemons are linked over a line so long that the time they think does not count beside the way. Their own logs say
 * when the control stream stood, from when on a link without a hello could be used, and when the other's hello was
 * taken, from when on the other is served.
 */
import { rmSync } from 'node:fs'
import { median, spread, type Bench, type Figure, type Suite } from '../figure.ts'
import { foundCluster, invite, join, seenByAll } from '../members.ts'
import { startDaemon, type BenchDaemon } from '../mesh.ts'
import { openSlowLine } from '../slow-line.ts'

const ONE_WAY_MS = 150
const ROUND_TRIP_MS = 2 * ONE_WAY_MS

/** What one link took, in round trips. */
interface Link {
  /** From the control stream, once it stands on both sides, until both have taken the other's hello. */
  readonly hello: number
  /** The same from the TCP connection. */
  readonly whole: number
}

/** When a daemon wrote a line about a peer, milliseconds by the clock of the machine. @throws Error unless it is one */
function toldAtMs(daemon: BenchDaemon, peer: string, message: string): number {
  const lines = (daemon.lastWords() ?? '').split('\n').filter((line) => line.startsWith('{') && line.includes(peer))
  const told = lines
    .map((line) => JSON.parse(line) as { time: string; peer?: string; msg: string })
    .filter((line) => line.peer === peer && line.msg === message)
  if (told.length !== 1) throw new Error(`${message}: said ${told.length} times, not once, of ${peer}`)
  return Date.parse(told[0]!.time)
}

const portOf = (address: string): number => Number(/\/tcp\/(\d+)/.exec(address)?.[1])

/** Two members that are down, by their data directories. */
interface Ends {
  readonly launcher: string
  readonly dialled: string
  readonly dialling: string
}

/** Starts both with the long line between them, until each lists the other ready, and kills them. */
async function linkOnce({ launcher, dialled, dialling }: Ends): Promise<Link> {
  const options = { launcher, cluster: 'alone', debug: true }
  const listener = await startDaemon({ ...options, dataDir: dialled })
  const line = await openSlowLine(portOf(listener.address), ONE_WAY_MS)
  try {
    const address = `/ip4/127.0.0.1/tcp/${line.port}/p2p/${listener.peerId}`
    const dialer = await startDaemon({ ...options, dataDir: dialling, join: address })
    await Promise.all([seenByAll([listener], dialer.peerId), seenByAll([dialer], listener.peerId)])
    const { links } = await dialer.status()
    if (links.length !== 1 || portOf(links[0]!.address) !== line.port) throw new Error('linked by another way')
    await Promise.all([listener.kill(), dialer.kill()])
    const bothToldAtMs = (message: string) =>
      Math.max(toldAtMs(listener, dialer.peerId, message), toldAtMs(dialer, listener.peerId, message))
    const servedAtMs = bothToldAtMs('hello taken')
    return {
      hello: (servedAtMs - bothToldAtMs('peer up')) / ROUND_TRIP_MS,
      whole: (servedAtMs - line.firstDialledAtMs()!) / ROUND_TRIP_MS,
    }
  } finally {
    line.close()
  }
}

/** Two members of one cluster that have met before, and are down. @returns their data directories */
async function twoMembers(launcher: string): Promise<[string, string]> {
  const founder = await foundCluster(launcher)
  const second = await startDaemon({ launcher, cluster: 'alone', name: 'second' })
  await join(launcher, second, await invite(founder))
  await seenByAll([founder, second], second.peerId)
  await Promise.all([founder.kill(), second.kill()])
  return [founder.dataDir, second.dataDir]
}

/** Links them often enough, each way. */
async function linkBothWays({ launcher, quick, say }: Bench, [one, other]: [string, string]): Promise<Link[]> {
  const rounds = quick ? 1 : 3
  const links: Link[] = []
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}, each dials the other over ${ROUND_TRIP_MS} ms`)
    // The side with the smaller id opens the control stream, whoever dials: both cases count.
    links.push(await linkOnce({ launcher, dialled: one, dialling: other }))
    links.push(await linkOnce({ launcher, dialled: other, dialling: one }))
  }
  return links
}

async function run(bench: Bench): Promise<Figure[]> {
  bench.say('two members of one cluster')
  const dataDirs = await twoMembers(bench.launcher)
  try {
    const links = await linkBothWays(bench, dataDirs)
    const figure = (name: string, values: number[], from: string): Figure => ({
      ...{ name, unit: 'RTT', measured: median(values), detail: spread(values) },
      how: `${from} until each took the other's hello, RTT ${ROUND_TRIP_MS} ms, median of ${values.length}`,
    })
    const hellos = links.map((link) => link.hello)
    const wholes = links.map((link) => link.whole)
    return [
      { ...figure('hello on a link', hellos, 'control stream up on both sides'), target: { atMost: 1 } },
      figure('a link of members', wholes, 'TCP connected'),
    ]
  } finally {
    // Whoever was killed has left them.
    for (const dataDir of dataDirs) rmSync(dataDir, { recursive: true, force: true })
  }
}

export const hello: Suite = {
  name: 'hello',
  what: 'round trips that the hello costs a link between members',
  run,
}
