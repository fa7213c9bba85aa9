/** What single operations cost in this process: where the larger figures come from. */
import { createHash } from 'node:crypto'
import type { Heartbeat } from '../../../src/model/heartbeat.ts'
import { createRegistry, merge } from '../../../src/registry/registry.ts'
import { createSigner, openRecord } from '../../../src/wire/envelope.ts'
import type { Signer, VerifiedRecord } from '../../../src/wire/envelope.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

const NODES = 500
const NOW_MS = Date.now()
const EPOCH = Math.floor(NOW_MS / 1000)

function heartbeatOf(signer: Signer, seq: number): VerifiedRecord {
  const body: Heartbeat = {
    state: 'ready',
    incarnation: 0,
    intervalMs: 10_000,
    uptimeMs: 1_000 * seq,
    cpuRatio: 0.25,
    memoryAvailableBytes: 8e9,
    free: { cpuMilli: 1_900, memoryBytes: 7e9 },
    tasks: 1,
    passport: { epoch: EPOCH, seq: 1 },
    coordinate: { at: [75_975, -52_693, 17_856, -9_012], height: 250, adjustment: -1_250, error: 120 },
  }
  return signer.seal({ kind: 'heartbeat', name: '', epoch: EPOCH, seq, hlc: NOW_MS, ttlMs: 60_000, body })
}

/** @returns how long `act` takes, microseconds; it is called for each item once to warm up, and once to be timed */
function timeEach<Item>(items: readonly Item[], act: (item: Item) => unknown): number {
  for (const item of items) act(item)
  const fromMs = performance.now()
  for (const item of items) act(item)
  return ((performance.now() - fromMs) * 1000) / items.length
}

async function run({ quick, say }: Bench): Promise<Figure[]> {
  say('single operations')
  const count = quick ? 1_000 : 4_000
  const signers = Array.from({ length: NODES }, (_, i) =>
    createSigner(createHash('sha256').update(`bench ${i}`).digest()),
  )
  const numbers = Array.from({ length: count }, (_, i) => i + 1)
  const sealUs = timeEach(numbers, (seq) => heartbeatOf(signers[seq % NODES]!, seq))
  const records = numbers.map((seq) => heartbeatOf(signers[seq % NODES]!, seq))
  const openUs = timeEach(records, ({ bytes }) =>
    openRecord(bytes, { kinds: 'heartbeat', maxBytes: 1024, wallNowMs: NOW_MS }),
  )
  const warm = createRegistry({ selfId: signers[0]!.id, ownEpoch: EPOCH })
  for (const record of records) merge(warm, record, 0, NOW_MS)
  const registry = createRegistry({ selfId: signers[0]!.id, ownEpoch: EPOCH })
  const fromMs = performance.now()
  for (const record of records) merge(registry, record, 0, NOW_MS)
  const mergeUs = ((performance.now() - fromMs) * 1000) / count
  const how = `a heartbeat, ${count} times`
  return [
    { name: 'sign a record', unit: 'µs', measured: sealUs, how },
    { name: 'verify a record', unit: 'µs', measured: openUs, how },
    {
      name: 'merge a verified record',
      unit: 'µs',
      measured: mergeUs,
      how: `heartbeats of ${NODES} nodes, ${count} in all`,
    },
  ]
}

export const micro: Suite = { name: 'micro', what: 'sign, verify and merge one record', run }
