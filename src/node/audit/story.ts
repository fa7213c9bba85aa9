/** Which events tell of one task. */
import type { AuditRow, AuditTable } from '../../store/audit-table.ts'

/** Events of one task that are read; a task with its attempts has far fewer, its offers may go to many. */
const MAX_OF_SUBJECT = 1_000

/**
 * The events of a task, of the job it belongs to and of the offers made for it, in the order in which they were
 * written. A job of one task has the task's id; the tasks of others are called `<job>-<number>`.
 */
export function storyRows(table: AuditTable, taskId: string): AuditRow[] {
  const rows = new Map<number, AuditRow>()
  const add = (found: readonly AuditRow[]): void => found.forEach((row) => void rows.set(row.position, row))
  add(table.ofSubject('task', taskId, MAX_OF_SUBJECT))
  for (const jobId of new Set([taskId, taskId.replace(/-\d+$/, '')])) add(table.ofSubject('job', jobId, MAX_OF_SUBJECT))
  const offers = new Set([...rows.values()].flatMap(({ offerId }) => offerId ?? []))
  for (const offerId of offers) {
    // Of an offer for many tasks only what concerns all of them, and this one.
    const found = table.ofSubject('offer', offerId, MAX_OF_SUBJECT)
    add(found.filter((row) => row.taskId === null || row.taskId === taskId))
  }
  return [...rows.values()].toSorted((a, b) => a.position - b.position)
}
