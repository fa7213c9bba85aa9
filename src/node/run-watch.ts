/** Waiting for a run of this node to exist: its input may still be on the way when its log is asked for. */
import type { DaemonParts } from './daemon-state.ts'

/** Resolves true once the run exists (or did), false when it never will or the signal fires first. */
export function untilRun(
  parts: Pick<DaemonParts, 'mesh' | 'events'>,
  runId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const standing = (): boolean | undefined => {
    const contract = parts.mesh.negotiation.contracts.get(runId)
    // A contract that is gone was settled: its run is on disk, or was dropped, which the reader finds out.
    if (!contract || contract.phase === 'running') return true
    return contract.phase === 'accepted' ? undefined : contract.exit?.startError === undefined
  }
  const now = standing()
  if (now !== undefined) return Promise.resolve(now)
  return new Promise((resolve) => {
    const settle = (exists: boolean) => {
      unsubscribe()
      signal.removeEventListener('abort', onAbort)
      resolve(exists)
    }
    const onAbort = () => settle(false)
    const unsubscribe = parts.events.subscribe(undefined, (event) => {
      if (event.type !== 'contract' || event.subject !== runId) return
      const exists = standing()
      if (exists !== undefined) settle(exists)
    })
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
}
