/** How long an answer is waited for: what is usual on the link, by RFC 6298, within bounds. */
import type { TopologyConfig, Watch } from './types.ts'

/** Takes in one round trip, milliseconds (RFC 6298 section 2: alpha 1/8, beta 1/4). */
export function learnRtt(watch: Watch, rttMs: number): void {
  if (watch.rttMs === undefined) {
    watch.rttMs = rttMs
    watch.rttVarMs = rttMs / 2
    return
  }
  watch.rttVarMs += (Math.abs(watch.rttMs - rttMs) - watch.rttVarMs) / 4
  watch.rttMs += (rttMs - watch.rttMs) / 8
}

/**
 * How long to wait for an answer: smoothed round trip plus four times its variation, between `minTimeoutMs` and
 * `maxTimeoutMs`, once more for each point of the node's own ill health (Lifeguard). Before the first answer the
 * round trip is unknown and half a second is waited, within the same bounds.
 */
export function timeoutMs(watch: Watch, config: TopologyConfig, health: number): number {
  const usualMs = watch.rttMs === undefined ? 500 : watch.rttMs + 4 * watch.rttVarMs
  return Math.min(Math.max(usualMs, config.minTimeoutMs), config.maxTimeoutMs) * (health + 1)
}
