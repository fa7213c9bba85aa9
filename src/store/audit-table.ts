/**
 * The audit log's rows: events in the order in which they were written, and hashes of its tree. What they mean, and
 * that they belong together, is for `node/audit/` to know; nothing here is ever changed, only appended and dropped from
 * the front.
 */
import type { StatementSync } from 'node:sqlite'
import type { Database } from './database.ts'

/** One event. Its ids repeat what `body` says, to find it by. */
export interface AuditRow {
  /** Its place in the log, from 0. */
  readonly position: number
  readonly atMs: number
  readonly type: string
  readonly taskId: string | null
  readonly offerId: string | null
  readonly jobId: string | null
  readonly body: Uint8Array
}

/** The root of the `index`-th complete subtree of a level. */
export interface AuditNode {
  readonly level: number
  readonly index: number
  readonly hash: Uint8Array
}

/** Which events are asked for, the newest first. */
export interface AuditQuery {
  /** Positions below this only. */
  readonly before: number
  /** Positions from here only. */
  readonly from: number
  readonly sinceMs?: number
  /** Types that begin so: `run.` for all of runs. */
  readonly type?: string
  readonly limit: number
}

/** The table; all calls throw StoreError, and only those. */
export interface AuditTable {
  /** Within a transaction of its file. */
  append(rows: readonly AuditRow[], nodes: readonly AuditNode[]): void
  /** Drops the events below a position. Within a transaction of its file. */
  dropBelow(position: number): void
  /** The position of the oldest event that is kept; undefined when there is none. */
  oldest(): number | undefined
  /** Events from `from` to before `to`, in order. */
  range(from: number, to: number): AuditRow[]
  /** The position of the first event that is not older; undefined when all are. */
  firstSince(sinceMs: number): number | undefined
  row(position: number): AuditRow | undefined
  /** Events that match, the newest first. */
  newest(query: AuditQuery): AuditRow[]
  /** Events of a task, of an offer or of a job, in order, `limit` at most. */
  ofSubject(subject: 'task' | 'offer' | 'job', id: string, limit: number): AuditRow[]
  node(level: number, index: number): Uint8Array | undefined
}

const COLUMNS = 'position, at_ms, type, task_id, offer_id, job_id, body'

function rowOf(row: Record<string, unknown>): AuditRow {
  const text = (name: string): string | null => row[name] as string | null
  return {
    position: Number(row['position']),
    atMs: Number(row['at_ms']),
    type: String(row['type']),
    taskId: text('task_id'),
    offerId: text('offer_id'),
    jobId: text('job_id'),
    body: row['body'] as Uint8Array,
  }
}

/** The audit table of an open database. */
export function createAuditTable(database: Database): AuditTable {
  // Prepared when first asked for: a daemon whose log nobody reads only writes.
  const lazily = (sql: string): (() => StatementSync) => {
    let statement: StatementSync | undefined
    return () => (statement ??= database.prepare(sql))
  }
  const insert = database.prepare(`INSERT INTO audit_event (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const insertNode = database.prepare('INSERT INTO audit_node (level, idx, hash) VALUES (?, ?, ?)')
  const drop = lazily('DELETE FROM audit_event WHERE position < ?')
  const oldest = database.prepare('SELECT min(position) AS position FROM audit_event')
  const range = lazily(`SELECT ${COLUMNS} FROM audit_event WHERE position >= ? AND position < ? ORDER BY position`)
  const newest = lazily(
    `SELECT ${COLUMNS} FROM audit_event WHERE position >= ? AND position < ? AND at_ms >= ?
       AND substr(type, 1, length(?4)) = ?4 ORDER BY position DESC LIMIT ?5`,
  )
  const bySubject = {
    task: lazily(`SELECT ${COLUMNS} FROM audit_event WHERE task_id = ? ORDER BY position LIMIT ?`),
    offer: lazily(`SELECT ${COLUMNS} FROM audit_event WHERE offer_id = ? ORDER BY position LIMIT ?`),
    job: lazily(`SELECT ${COLUMNS} FROM audit_event WHERE job_id = ? ORDER BY position LIMIT ?`),
  }
  const firstSince = lazily('SELECT position FROM audit_event WHERE at_ms >= ? ORDER BY position LIMIT 1')
  const node = lazily('SELECT hash FROM audit_node WHERE level = ? AND idx = ?')
  const read = <T>(work: () => T): T => database.guard('read', work)

  return {
    append(rows, nodes) {
      for (const { position, atMs, type, taskId, offerId, jobId, body } of rows)
        insert.run(position, atMs, type, taskId, offerId, jobId, body)
      for (const { level, index, hash } of nodes) insertNode.run(level, index, hash)
    },
    dropBelow: (position) => void drop().run(position),
    oldest: () => {
      const found = read(() => oldest.get())?.['position']
      return found === null || found === undefined ? undefined : Number(found)
    },
    range: (from, to) => read(() => range().all(from, to)).map(rowOf),
    firstSince: (sinceMs) => {
      const found = read(() => firstSince().get(sinceMs))?.['position']
      return found === undefined ? undefined : Number(found)
    },
    row: (position) => read(() => range().all(position, position + 1)).map(rowOf)[0],
    newest: ({ from, before, sinceMs = 0, type = '', limit }) =>
      read(() => newest().all(from, before, sinceMs, type, limit)).map(rowOf),
    ofSubject: (subject, id, limit) => read(() => bySubject[subject]().all(id, limit)).map(rowOf),
    node: (level, index) => read(() => node().get(level, index))?.['hash'] as Uint8Array | undefined,
  }
}
