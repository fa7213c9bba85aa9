/** The mesh's defaults, and what must hold between its knobs. */
import { DEFAULT_NEGOTIATION } from '../negotiation/config.ts'
import { MAX_TTL_MS } from '../wire/limits.ts'
import type { MeshConfig } from './types.ts'

/** Defaults of design section 3: 10 s beat, 30 s lease, dead at 60 s. */
export const DEFAULT_MESH: MeshConfig = Object.freeze({
  cluster: 'default',
  version: '',
  beatMs: 10_000,
  leaseMs: 30_000,
  deadMs: 60_000,
  syncMs: 30_000,
  joinMs: 3_000,
  passportTtlMs: 3_600_000,
  negotiation: DEFAULT_NEGOTIATION,
  topology: {},
})

/** Every beat is signed, and passed on and verified by every member: below this that is most of what a mesh does. */
const LEAST_BEAT_MS = 100
/** Large meshes beat more seldom than is configured: this leaves them room to. */
const MOST_BEAT_MS = 30 * 60_000

/** @throws RangeError naming the knobs that contradict each other */
export function checkMeshConfig(config: MeshConfig): MeshConfig {
  const { beatMs, leaseMs, deadMs, negotiation } = config
  const rules: readonly [boolean, string][] = [
    [
      beatMs >= LEAST_BEAT_MS && beatMs <= MOST_BEAT_MS,
      `beatMs must be from ${LEAST_BEAT_MS} ms to ${MOST_BEAT_MS / 60_000} min`,
    ],
    [leaseMs >= 2 * beatMs, 'leaseMs must be at least two beats, or one lost heartbeat makes a node offline'],
    [deadMs > leaseMs, 'deadMs must be above leaseMs'],
    [deadMs <= MAX_TTL_MS, 'deadMs must be at most a day, or others refuse its heartbeats, which live so long'],
    [negotiation.holdMs <= 10_000, 'holdMs is at most 10 s (design section 6)'],
    [
      negotiation.bidWindowMs < negotiation.holdMs,
      'bidWindowMs must be below holdMs, or bids expire while others are awaited',
    ],
    [
      negotiation.lostAfterMs > negotiation.leaseMs,
      'lostAfterMs must be above the lease (adoptGrace, design section 5)',
    ],
  ]
  for (const [holds, problem] of rules) if (!holds) throw new RangeError(problem)
  return config
}
