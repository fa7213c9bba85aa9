/** Waiting for a daemon that starts anew: in another cluster, or with another key. */
import { setTimeout as delay } from 'node:timers/promises'
import type { StatusView } from '../model/api.ts'
import type { DaemonClient } from './client.ts'
import { CliError } from './errors.ts'

const DEADLINE_MS = 30_000
const POLL_MS = 20

/**
 * Waits until the daemon is back and ready, and is what it was to become.
 * @throws CliError `not-back`, when it is not within half a minute
 */
export async function untilBack(client: DaemonClient, isThere: (status: StatusView) => boolean): Promise<StatusView> {
  const endsAt = performance.now() + DEADLINE_MS
  for (;;) {
    // While it starts anew nobody listens at its socket.
    const status = await client.get<StatusView>('/v1/status').catch(() => undefined)
    if (status !== undefined && isThere(status) && status.state !== 'joining') return status
    if (performance.now() > endsAt) {
      throw new CliError('not-back', 'what was asked for is done, but the daemon has not come back within 30 s', {
        fix: 'see `althing status` and the log of the daemon',
      })
    }
    await delay(POLL_MS)
  }
}
