/** What people read of the audit log: pages of events, single ones with their proof, the story of a task, the whole. */
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { hashLeaf } from '../../audit/hashing.ts'
import { inclusionProof, peaksOf } from '../../audit/proofs.ts'
import { verifyInclusion } from '../../audit/verify.ts'
import type { ProvenEvent } from '../../model/audit-exchange.ts'
import type { AuditFileGenesis, AuditFileHead, AuditFileLine, AuditFileStatement } from '../../model/audit-file.ts'
import { AUDIT_FORMAT } from '../../model/audit.ts'
import type { AuditPage, AuditPart, AuditProofView, AuditStory } from '../../model/audit-view.ts'
import type { AuditRow } from '../../store/audit-table.ts'
import { decodeEvent } from '../../wire/audit-event.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type AuditPageQuery } from '../operations.ts'
import { historyOf } from '../governance/cluster-store.ts'
import type { Governor } from '../governance/governor.ts'
import { namesOf } from '../views.ts'
import type { AuditParts } from './parts.ts'
import { readSignedHead } from '../../wire/signed-head.ts'
import { storyRows } from './story.ts'

/** Events looked at for one page, found or not: some ten milliseconds. */
const LOOKED_AT = 20_000
/** Events read in one turn of the event loop while all are exported. */
const ROWS_A_TURN = 500
/** Nodes that are asked for their part of a story. */
const MAX_ASKED = 32

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** A page of events, the newest first. It may be empty and still have a next one. */
export function pageOf({ log, table }: AuditParts, query: AuditPageQuery): AuditPage {
  const before = Math.min(query.before ?? Infinity, log.head().size)
  const from = Math.max(log.oldest, before - LOOKED_AT)
  const rows = table.newest({ ...query, before, from })
  const isFull = rows.length === query.limit
  const next = isFull ? rows.at(-1)!.position : from
  return {
    entries: rows.map(({ position, body }) => ({ position, event: decodeEvent(body) })),
    ...(next > log.oldest && { next }),
  }
}

/** One event with its proof. @throws OperationError `not-found`, `gone` */
export function proofOf({ audit, mesh }: DaemonParts, position: number): AuditProofView {
  const { log, table, signedHead } = audit
  if (position < log.oldest)
    throw new OperationError('gone', `event ${position} was dropped: events are kept from ${log.oldest} on`)
  const row = table.row(position)
  const { size, root, record } = signedHead()
  if (row === undefined || position >= size) {
    throw new OperationError('not-found', `there is no event ${position}: the log has ${size}`, {
      fix: '`althing audit list` lists them; what has just happened is signed within seconds',
    })
  }
  const path = inclusionProof(position, size, log.subtree).map(hex)
  const head = { node: mesh.self, size, root: hex(root), signedHead: base64(record) }
  return { ...head, position, event: decodeEvent(row.body), bytes: base64(row.body), path }
}

/** The log from a moment on as lines of JSON, the head first. */
export function exportLog({ audit, mesh, governor }: DaemonParts, sinceMs: number | undefined): Readable {
  const { log, table, signedHead } = audit
  const { size, root, record } = signedHead()
  const from = Math.min(size, sinceMs === undefined ? log.oldest : (table.firstSince(sinceMs) ?? size))
  const first: AuditFileHead = {
    format: AUDIT_FORMAT,
    node: mesh.self,
    size,
    root: hex(root),
    signedHead: base64(record),
    from,
    peaks: peaksOf(from, log.subtree).map(hex),
  }
  return Readable.from(linesOf(audit, first, governor))
}

async function* linesOf({ table }: AuditParts, head: AuditFileHead, governor: Governor): AsyncGenerator<string> {
  yield `${JSON.stringify(head)}\n`
  for (const line of authorityLines(governor)) yield `${JSON.stringify(line)}\n`
  for (let at = head.from; at < head.size;) {
    const rows = table.range(at, Math.min(head.size, at + ROWS_A_TURN))
    // Cut rather than whole with a hole in it: whoever reads it sees that it ends too early.
    if (rows.length === 0) return
    yield rows.map((row) => `${JSON.stringify(lineOf(row))}\n`).join('')
    at = rows.at(-1)!.position + 1
    await turn()
  }
}

/** What a reader needs to find out by the genesis alone that this node was a member. */
function authorityLines({ state, genesis }: Governor): (AuditFileGenesis | AuditFileStatement)[] {
  if (state === undefined || genesis === undefined) return []
  const base64url = ({ bytes }: { readonly bytes: Uint8Array }): string => Buffer.from(bytes).toString('base64url')
  // What members confirm to each other says nothing of who is one.
  const statements = historyOf(state).filter(({ kind }) => kind !== 'attestation')
  return [{ genesis: base64url(genesis) }, ...statements.map((one) => ({ statement: base64url(one) }))]
}

function lineOf({ position, body }: AuditRow): AuditFileLine {
  return { position, bytes: base64(body) }
}

/** The story of a task as this node and each node named in it tell it. @throws OperationError `not-found` */
export async function storyOf(parts: DaemonParts, taskId: string, signal: AbortSignal): Promise<AuditStory> {
  const own = ownPart(parts, taskId)
  if (own.entries.length === 0) {
    throw new OperationError('not-found', `the audit log has nothing of a task ${taskId}`, {
      fix: 'give the whole id, as `althing ps --all` lists it; what has just happened is signed within seconds',
    })
  }
  const involved = new Set(own.entries.flatMap(({ event }) => ('peer' in event && event.peer ? [event.peer] : [])))
  involved.delete(parts.mesh.self)
  const others = await Promise.all([...involved].slice(0, MAX_ASKED).map((node) => partOf(parts, node, taskId, signal)))
  return { taskId, parts: [own, ...others] }
}

function ownPart({ audit, mesh, clock }: DaemonParts, taskId: string): AuditPart {
  const { log, table, signedHead } = audit
  const { size, root, record } = signedHead()
  const rows = storyRows(table, taskId).filter(({ position }) => position < size)
  return {
    node: mesh.self,
    name: namesOf(mesh, clock.nowMs())(mesh.self),
    outcome: 'proven',
    size,
    root: hex(root),
    signedHead: base64(record),
    more: false,
    entries: rows.map(({ position, body }) =>
      entryOf({ position, event: body, path: inclusionProof(position, size, log.subtree) }),
    ),
  }
}

async function partOf(parts: DaemonParts, node: string, taskId: string, signal: AbortSignal): Promise<AuditPart> {
  const { audit, mesh, clock } = parts
  const name = namesOf(mesh, clock.nowMs())(node)
  const told = await audit.exchange.ask(node, { type: 'story', taskId }, signal)
  if (told === undefined) return { node, name, outcome: 'unanswered', more: false, entries: [] }
  const head = readSignedHead(told.head, 'audit-head')
  const { more } = told
  if (head?.author !== node) return { node, name, outcome: 'unproven', more, entries: [] }
  const isProven = told.events.every(({ position, event, path }) =>
    verifyInclusion(hashLeaf(event), position, head, path),
  )
  const signed = { size: head.size, root: hex(head.root), signedHead: base64(told.head) }
  const entries = told.events.flatMap(readEntry)
  const isReadable = entries.length === told.events.length
  return { node, name, outcome: isProven && isReadable ? 'proven' : 'unproven', ...signed, more, entries }
}

function entryOf({ position, event, path }: ProvenEvent): AuditPart['entries'][number] {
  return { position, event: decodeEvent(event), bytes: base64(event), path: path.map(hex) }
}

/** What another says is an event need not be one. */
function readEntry(proven: ProvenEvent): AuditPart['entries'] {
  try {
    return [entryOf(proven)]
  } catch {
    return []
  }
}
