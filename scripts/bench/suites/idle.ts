/** What a daemon with two neighbours takes while nobody wants anything, and how large its heartbeat is. */
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createPeer } from '../../../src/peer/create-peer.ts'
import type { Topic } from '../../../src/peer/peer.ts'
import { SILENT } from '../../../src/util/logger.ts'
import type { Bench, Figure, Suite } from '../figure.ts'
import { startThree } from '../mesh.ts'
import type { BenchDaemon } from '../mesh.ts'
import { usageOf } from '../process-usage.ts'
import { untilTrue } from '../wait.ts'

/** Joining is over and the first garbage collected. */
const SETTLE_MS = 12_000
/** A heartbeat of each daemon comes every 10 s. */
const BEATS_TIMEOUT_MS = 30_000

/** Listens to the pulse as a plain member would, and notes how large what comes is. */
async function heartbeatBytes(daemons: readonly BenchDaemon[], cluster: string): Promise<number[]> {
  const sizes: number[] = []
  const ignore = (): void => {}
  const onGossip = (topic: Topic, data: Uint8Array): 'accept' => {
    if (topic === 'pulse') sizes.push(data.byteLength)
    return 'accept'
  }
  const peer = createPeer(
    {
      seed: randomBytes(32),
      cluster,
      listen: ['/ip4/127.0.0.1/tcp/0'],
      bootstrap: daemons.map(({ address }) => address),
      mdns: false,
      allowPublic: false,
      log: SILENT,
    },
    { onPeerUp: ignore, onPeerDown: ignore, onFrame: ignore, onStream: ignore, onGossip },
  )
  await peer.start()
  try {
    await untilTrue('a heartbeat of each daemon', BEATS_TIMEOUT_MS, async () => sizes.length >= daemons.length)
  } finally {
    await peer.stop()
  }
  return sizes
}

async function run({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const daemons = await startThree({ launcher, asShipped: true })
  const { cluster } = await daemons[0].status()
  const seconds = quick ? 10 : 30
  say(`watching three idle daemons for ${seconds} s`)
  await pause(SETTLE_MS)
  const before = daemons.map(({ pid }) => usageOf(pid))
  await pause(seconds * 1000)
  const after = daemons.map(({ pid }) => usageOf(pid))
  const rssMb = after.map(({ rssBytes }) => rssBytes / 1e6)
  const cpuPercent = after.map((end, i) => {
    const begin = before[i]!
    return ((end.cpuSeconds - begin.cpuSeconds) / (end.atMs - begin.atMs)) * 100_000
  })
  const sizes = await heartbeatBytes(daemons, cluster)
  const most = (values: readonly number[]): number => Math.max(...values)
  const how = `the largest of 3, two neighbours each, ${SETTLE_MS / 1000 + seconds} s after the start`
  return [
    { name: 'idle memory (RSS)', unit: 'MB', measured: most(rssMb), target: { atMost: 90 }, how, detail: { rssMb } },
    {
      name: 'idle CPU',
      unit: '% of a core',
      measured: most(cpuPercent),
      target: { atMost: 1 },
      how: `the largest of 3, over ${seconds} s`,
      detail: { cpuPercent },
    },
    {
      name: 'heartbeat on the wire',
      unit: 'bytes',
      measured: most(sizes),
      target: { atMost: 1024 },
      how: 'as received by gossip, envelope and signature included',
      detail: { sizes },
    },
  ]
}

export const idle: Suite = { name: 'idle', what: 'memory, CPU and heartbeat of an idle daemon', run }
