/**
 * In some seeds somebody outside signs two records under one number and shows one here, one there. It is no node of
 * the world: it takes part in nothing else, and draws from a stream of its own.
 */
import { seededRng } from '../../src/util/rng.ts'
import type { VerifiedRecord } from '../../src/wire/envelope.ts'
import type { SimNode } from './node.ts'
import type { Sealing } from './sealing.ts'
import type { Timeline } from './timeline.ts'

export interface LiarOptions {
  readonly seed: number
  readonly time: Timeline
  readonly nodes: readonly SimNode[]
  readonly lastsMs: number
  readonly sealing: Sealing
  readonly note: (text: string) => void
  readonly spread: (at: SimNode, record: VerifiedRecord) => void
}

const LIAR_SEED = 700_000_000
/** Beyond the nodes that a world may have. */
const LIAR_INDEX = 90
/** One seed in so many. */
const SELDOM = 3
const TTL_MS = 3_600_000

const liars = new Set<string>()

/** Whether an author is one that lies. */
export function isLiar(author: string): boolean {
  return liars.has(author)
}

/** Plans what it shows to whom, if there is one in this seed. */
export function planLiar({ seed, time, nodes, lastsMs, sealing, note, spread }: LiarOptions): void {
  const rng = seededRng(seed + LIAR_SEED)
  if (rng.int(SELDOM) > 0) return
  const author = sealing.idOf(LIAR_INDEX)
  liars.add(author)
  const passport = (capability: string) => ({
    apiVersion: 'althing.dev/v1',
    kind: 'NodePassport',
    metadata: { name: 'two-faced', namespace: 'default', labels: {}, annotations: {} },
    spec: { type: 'agent', version: '1', capabilities: [{ name: capability }] },
  })
  const told = { kind: 'passport', name: 'default/two-faced', epoch: 1, seq: 1, ttlMs: TTL_MS }
  for (const capability of ['flatter', 'betray']) {
    const at = rng.pick(nodes)
    time.after(2_000 + rng.int(lastsMs), () => {
      // Sealed twice for those that come late: the second copy is what proves it.
      const record = sealing.seal(author, { ...told, hlc: time.nowMs, body: passport(capability) })
      note(`${author} shows ${at.id} that it can ${capability}`)
      spread(at, record)
      const other = rng.pick(nodes)
      if (other !== at) spread(other, record)
    })
  }
}
