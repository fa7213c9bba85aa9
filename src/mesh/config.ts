/** The mesh's defaults, and what must hold between its knobs. */
import { DEFAULT_NEGOTIATION } from '../negotiation/config.ts'
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

/** @throws RangeError naming the knobs that contradict each other */
export function checkMeshConfig(config: MeshConfig): MeshConfig {
  const { beatMs, leaseMs, deadMs, negotiation } = config
  const rules: readonly [boolean, string][] = [
    [beatMs > 0, 'beatMs must be above 0'],
    [leaseMs >= 2 * beatMs, 'leaseMs must be at least two beats, or one lost heartbeat makes a node offline'],
    [deadMs > leaseMs, 'deadMs must be above leaseMs'],
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
