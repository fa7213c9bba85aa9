/** How long a suspect has to refute (Lifeguard, arXiv 1707.00788, section IV-B). */

/** What the time depends on. */
export interface Suspicion {
  /** Independent testimonies beyond those that made it suspect. */
  readonly confirmations: number
  /** As many as can be hoped for: with them the time is at its shortest. */
  readonly expected: number
  readonly minMs: number
  readonly maxMs: number
}

/**
 * From `maxMs` down to `minMs`, fast at first, as independent confirmations come in:
 * max − (max − min) · log(c + 1) / log(k + 1). When none can be hoped for it is `minMs` at once.
 */
export function suspicionMs({ confirmations, expected, minMs, maxMs }: Suspicion): number {
  if (expected < 1) return minMs
  const part = Math.log(confirmations + 1) / Math.log(expected + 1)
  return Math.max(minMs, maxMs - part * (maxMs - minMs))
}

/** Loss of round trips that is taken for calm. */
const CALM_LOSS = 0.05

/**
 * How many times longer a refutation may take than in a calm network: gossip goes over TCP, and each lost segment
 * costs a retransmission. `loss`: of round trips, 0 to 1. A quarter lost each way (0.44) makes it about 5.
 */
export function lossFactor(loss: number): number {
  return 1 + 10 * Math.max(0, Math.min(loss, 0.6) - CALM_LOSS)
}
