/** The audit log's frontier as it is stored beside the events. */
import * as z from 'zod'
import { Frontier } from '../../audit/frontier.ts'
import type { AuditTable } from '../../store/audit-table.ts'
import type { Store } from '../../store/store.ts'
import { AlthingError } from '../../util/errors.ts'

/** The stored frontier is no frontier. */
export class FrontierError extends AlthingError<'damaged-audit-log'> {}

const Stored = z.strictObject({
  size: z.int().min(0),
  peaks: z.array(z.custom<Uint8Array>((value) => value instanceof Uint8Array)).max(64),
})

/** An empty one when nothing is stored. @throws FrontierError when the log could not go on without a fork */
export function storedFrontier(store: Store, table: AuditTable): Frontier {
  const frontier = readFrontier(store.load('audit').get('tree'))
  const [last] = table.newest({ from: 0, before: Number.MAX_SAFE_INTEGER, limit: 1 })
  // Fewer events than it says are found by whoever verifies; where more are, the next would have no place.
  if (frontier !== undefined && (last?.position ?? -1) < frontier.size) return frontier
  throw new FrontierError('damaged-audit-log', 'what is stored of the audit log is damaged, so that it cannot go on', {
    fix: 'restore the data directory from a backup, or move it away and start anew, with a new key',
  })
}

function readFrontier(doc: unknown): Frontier | undefined {
  if (doc === undefined) return new Frontier()
  const parsed = Stored.safeParse(doc)
  if (!parsed.success) return undefined
  try {
    return new Frontier(parsed.data.size, parsed.data.peaks)
  } catch {
    return undefined
  }
}
