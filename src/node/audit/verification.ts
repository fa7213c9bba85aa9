/**
 * `althing audit verify`: reads the whole of the own log and holds it against its head, against the heads that
 * neighbours saw of it, and the logs of neighbours against the heads that were seen here.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { LogCheck } from '../../audit/check.ts'
import { isSameHash } from '../../audit/hashing.ts'
import { NODE_STRIDE } from '../../audit/ledger.ts'
import { consistencyProof, peaksOf } from '../../audit/proofs.ts'
import { verifyConsistency, type TreeHead } from '../../audit/verify.ts'
import { contradiction, firstFault, newestOf } from '../../audit/witness.ts'
import { subjectsOf } from '../../model/audit.ts'
import type { AuditChecked, AuditOutcome, AuditVerdict } from '../../model/audit-view.ts'
import type { AuditRow } from '../../store/audit-table.ts'
import { messageOf } from '../../util/errors.ts'
import { decodeEvent } from '../../wire/audit-event.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { namesOf } from '../views.ts'
import { alarmViews } from './alarms.ts'
import { AuditError, type AuditLog } from './log.ts'
import type { AuditParts } from './parts.ts'
import { readSignedHead } from '../../wire/signed-head.ts'

/** Events read in one turn of the event loop: some ten milliseconds. */
const ROWS_A_TURN = 1_000
/** Problems that are told; where there are more, one says so. */
const MAX_PROBLEMS = 20

/** Verifies everything. Takes some ten seconds for a million events, during which the daemon goes on. */
export async function verifyLogs(parts: DaemonParts, signal: AbortSignal): Promise<AuditVerdict> {
  const { audit, mesh, clock, peer } = parts
  const startMs = performance.now()
  const head = audit.log.head()
  const problems = await problemsOf(audit, head, signal)
  const tookMs = Math.round(performance.now() - startMs)
  const name = namesOf(mesh, clock.nowMs())
  const linked = peer.peers()
  const check = async (id: string, what: Promise<Pick<AuditChecked, 'outcome' | 'size'>>): Promise<AuditChecked> => ({
    peer: id,
    name: name(id),
    ...(await what),
  })
  const [seenByOthers, others] = await Promise.all([
    Promise.all(linked.map((id) => check(id, seenBy(parts, id, signal)))),
    Promise.all(linked.map((id) => check(id, grownSince(parts, id, signal)))),
  ])
  return {
    node: mesh.self,
    size: head.size,
    oldest: audit.log.oldest,
    root: Buffer.from(head.root).toString('hex'),
    tookMs,
    problems,
    seenByOthers,
    others,
    alarms: alarmViews(mesh, name),
  }
}

/** What is wrong with the own log up to this head: each event, each stored hash, and the root. */
export async function problemsOf(
  { log, table }: Pick<AuditParts, 'log' | 'table'>,
  head: TreeHead,
  signal: AbortSignal,
): Promise<string[]> {
  const problems: string[] = []
  const found = (problem: string): void => {
    if (problems.length < MAX_PROBLEMS) problems.push(problem)
    else if (problems.length === MAX_PROBLEMS) problems.push('and more')
  }
  try {
    const from = log.oldest
    const check = new LogCheck(from, peaksOf(from, log.subtree), (level, index, hash) => {
      if (level === 0 || level % NODE_STRIDE !== 0) return
      const stored = table.node(level, index)
      if (stored === undefined || !isSameHash(stored, hash))
        found(`the stored hash over events ${index * 2 ** level} to ${(index + 1) * 2 ** level - 1} is not theirs`)
    })
    while (check.next < head.size) {
      const rows = table.range(check.next, Math.min(head.size, check.next + ROWS_A_TURN))
      for (const row of rows) {
        if (row.position !== check.next) break
        for (const problem of faultsOf(row)) found(problem)
        check.take(row.body)
      }
      const last = rows.at(-1)?.position ?? -1
      if (last + 1 !== check.next || rows.length === 0) {
        found(`event ${check.next} is missing`)
        return problems
      }
      await turn(undefined, { signal })
    }
    if (!check.isAt(head)) found(`the events do not have the root that was written for ${head.size} of them`)
  } catch (error) {
    if (signal.aborted) throw error
    found(messageOf(error))
  }
  return problems
}

/** An event that cannot be read, or is filed under what it is not about. */
function faultsOf(row: AuditRow): string[] {
  try {
    const event = decodeEvent(row.body)
    const { taskId, offerId, jobId } = subjectsOf(event)
    const isFiled =
      row.atMs === event.atMs &&
      row.type === event.type &&
      row.taskId === taskId &&
      row.offerId === offerId &&
      row.jobId === jobId
    return isFiled ? [] : [`event ${row.position} is filed under what it is not about`]
  } catch (error) {
    return [`event ${row.position} cannot be read: ${messageOf(error)}`]
  }
}

/** Does the own log continue every head that a neighbour saw of it? */
async function seenBy(
  { audit, mesh }: DaemonParts,
  peer: string,
  signal: AbortSignal,
): Promise<Pick<AuditChecked, 'outcome' | 'size'>> {
  const told = await audit.exchange.ask(peer, { type: 'seen' }, signal)
  if (told === undefined) return { outcome: 'unanswered' }
  // What was not signed with this node's key proves nothing.
  const seen = told.heads.flatMap((record) => readSignedHead(record, 'heartbeat') ?? [])
  const ours = seen.filter(({ author }) => author === mesh.self).toSorted((a, b) => a.size - b.size)
  for (const head of ours) {
    const outcome = ownOutcome(audit.log, head)
    if (outcome !== 'consistent' && outcome !== 'pruned') return { outcome, size: head.size }
  }
  const newest = ours.at(-1)
  return newest === undefined ? { outcome: 'unknown' } : { outcome: ownOutcome(audit.log, newest), size: newest.size }
}

function ownOutcome(log: AuditLog, seen: TreeHead): AuditOutcome {
  const head = log.head()
  const contradicts = contradiction(seen, head)
  if (contradicts !== undefined) return contradicts
  if (seen.size === 0 || seen.size === head.size) return 'consistent'
  try {
    const isProven = verifyConsistency(seen, head, consistencyProof(seen.size, head.size, log.subtree))
    return isProven ? 'consistent' : 'inconsistent'
  } catch (error) {
    if (error instanceof AuditError && error.code === 'pruned') return 'pruned'
    return 'inconsistent'
  }
}

/** Does the log of a neighbour continue the heads of it that were heard here? */
async function grownSince(
  { audit, mesh }: DaemonParts,
  peer: string,
  signal: AbortSignal,
): Promise<Pick<AuditChecked, 'outcome' | 'size'>> {
  const alarm = mesh.audit.witness.alarms.get(peer)
  if (alarm) return { outcome: alarm.what, size: alarm.second.size }
  const known = mesh.audit.witness.heads.get(peer)
  if (known === undefined) return { outcome: 'unknown' }
  const heads = [known.anchor, ...known.unproven]
  const { size } = newestOf(known)
  if (heads.length === 1) return { outcome: 'consistent', size }
  const want = { type: 'consistency' as const, sizes: heads.map((head) => head.size) }
  const told = await audit.exchange.ask(peer, want, signal)
  if (told === undefined) return { outcome: 'unanswered', size }
  if (firstFault(heads, told.paths) !== undefined) return { outcome: 'inconsistent', size }
  return { outcome: told.paths.includes(null) ? 'pruned' : 'consistent', size }
}
