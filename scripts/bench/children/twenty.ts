/**
 * Twenty whole daemons in one process, and how long a passport published on one takes to be known by all.
 *
 * Arguments: a directory, how many changes. Prints, as one line of JSON, the time each change took to be
 * seen by the last, in milliseconds.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon } from '../../../src/node/daemon.ts'
import type { Daemon } from '../../../src/node/daemon.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { deadline, untilTrue } from '../wait.ts'

const NODES = 20
const CLUSTER = 'bench-twenty'
const MEET_TIMEOUT_MS = 90_000
const SEEN_TIMEOUT_MS = 30_000
/** Between two changes: longer than the publishing tick, so that none waits for the one before it. */
const BETWEEN_MS = 300

const [dir, countText] = process.argv.slice(2)
const count = Number(countText)

async function startOne(index: number, joinAddress: string | undefined): Promise<Daemon> {
  const dataDir = join(dir!, String(index))
  mkdirSync(dataDir, { mode: 0o700 })
  const paths = {
    dataDir,
    configFile: join(dataDir, 'config.yaml'),
    socketPath: join(dataDir, 's'),
    scope: 'directory',
  } as const
  return startDaemon(
    {
      paths,
      name: `node-${index}`,
      cluster: CLUSTER,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      join: joinAddress === undefined ? [] : [joinAddress],
      mdns: false,
      page: false,
    },
    SILENT,
  )
}

async function startAll(): Promise<Daemon[]> {
  const first = await startOne(0, undefined)
  const [address] = first.operations.status().addresses
  const others: Daemon[] = []
  for (let i = 1; i < NODES; i++) others.push(await startOne(i, address))
  const daemons = [first, ...others]
  const knowAll = (): boolean =>
    daemons.every(({ operations }) => operations.nodes({}).filter(({ state }) => state === 'ready').length === NODES)
  await untilTrue('twenty nodes that know each other', MEET_TIMEOUT_MS, async () => knowAll())
  return daemons
}

/** Resolves when `daemon` has the newest passport of `author`. */
function seen(daemon: Daemon, author: string): Promise<void> {
  return new Promise((resolve) => {
    const unsubscribe = daemon.operations.subscribe(undefined, ({ type, subject, what }) => {
      if (type !== 'node' || subject !== author || what !== 'passport') return
      unsubscribe()
      resolve()
    })
  })
}

async function change(daemons: readonly Daemon[], round: number): Promise<number> {
  const author = daemons[round % daemons.length]!
  const { peerId } = author.operations.status()
  const passport = [
    'apiVersion: althing.dev/v1',
    'kind: NodePassport',
    `metadata: { name: bench, annotations: { round: "${round}" } }`,
    'spec: { type: service, version: "1", capabilities: [{ name: bench }] }',
  ].join('\n')
  const allSeen = Promise.all(daemons.filter((daemon) => daemon !== author).map((daemon) => seen(daemon, peerId)))
  const fromMs = performance.now()
  await author.operations.applyPassports(passport, 'bench.yaml')
  await deadline(allSeen, SEEN_TIMEOUT_MS, `all to see change ${round}`)
  return performance.now() - fromMs
}

const daemons = await startAll()
const times: number[] = []
for (let round = 0; round < count; round++) {
  times.push(await change(daemons, round))
  await deadline(new Promise((next) => setTimeout(next, BETWEEN_MS)), 2 * BETWEEN_MS + 5_000, 'a pause')
}
console.log(JSON.stringify(times))
for (const daemon of daemons) await daemon.stop()
process.exit()
