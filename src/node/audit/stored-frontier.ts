/** The audit log's frontier as it is stored beside the events. */
import { Frontier } from '../../audit/frontier.ts'
import type { AuditTable } from '../../store/audit-table.ts'
import type { Store } from '../../store/store.ts'
import { AlthingError } from '../../util/errors.ts'

/** The stored frontier is no frontier. */
export class FrontierError extends AlthingError<'damaged-audit-log'> {}

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
  const isPlain = typeof doc === 'object' && doc !== null && 'size' in doc && 'peaks' in doc
  if (!isPlain || typeof doc.size !== 'number' || !Array.isArray(doc.peaks)) return undefined
  const peaks: unknown[] = doc.peaks
  if (!peaks.every((peak) => peak instanceof Uint8Array)) return undefined
  try {
    return new Frontier(doc.size, peaks)
  } catch {
    return undefined
  }
}
