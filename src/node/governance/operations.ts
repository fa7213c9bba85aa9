/** What can be asked of a daemon about its cluster, and ordered: the half of `Operations` that is about belonging. */
import { randomBytes } from 'node:crypto'
import { stateHash } from '../../governance/authority.ts'
import { freshness } from '../../governance/freshness.ts'
import { headOf } from '../../governance/log.ts'
import { memberAt, membersAt } from '../../governance/state.ts'
import { liveTickets } from '../../governance/tickets.ts'
import {
  type ClusterView,
  type HistoryView,
  type MemberView,
  type OutcomesView,
  type TicketView,
} from '../../model/cluster.ts'
import { TICKET_PREFIX, type TicketRequest } from '../../model/cluster-requests.ts'
import { GOVERNANCE_LIMITS, type Ticket } from '../../model/governance.ts'
import type { ProposedView } from '../../model/proposal-view.ts'
import { messageOf } from '../../util/errors.ts'
import { makeStatement, openStatement, type VerifiedStatement } from '../../wire/statement.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type ClusterOperations } from '../operations.ts'
import { isQuarantined } from '../quarantine.ts'
import { historyOf, SPREAD_KINDS } from './cluster-store.ts'
import { configurationHistory, configurationView } from './configuration.ts'
import { refuseUnlessEnroller, stateOf, takeOwn } from './current.ts'
import { proposalViews } from './proposals.ts'
import { found, join, leave, rotate } from './moving.ts'

/** Builds them. */
export function clusterOperations(parts: DaemonParts): ClusterOperations {
  return {
    view: () => viewOf(parts),
    found: async ({ beside, as, ...request }) =>
      beside ? parts.clusters.found(request, { as }) : found(parts, request),
    join: async ({ ticket, beside, ...how }) => (beside ? parts.clusters.join(ticket, how) : join(parts, ticket)),
    leave: () => leave(parts),
    invite: async (request) => invite(parts, request),
    members: () => membersOf(parts),
    revoke: (peer, reason) => revoke(parts, peer, reason),
    rotate: () => rotate(parts),
    configuration: () => configurationView(parts),
    configurationHistory: () => configurationHistory(parts),
    history: () => history(parts),
    take: (statements) => take(parts, statements),
    proposals: () => proposalViews(stateOf(parts)),
    propose: (entry, refusals) => propose(parts, entry, refusals),
  }
}

function viewOf(parts: DaemonParts): ClusterView {
  const state = stateOf(parts)
  const nowMs = parts.clock.wallMs()
  const { authority, genesis, cluster, fork, halted } = state.log
  const { fresh, witnesses, needed } = freshness(state, nowMs)
  const own = memberAt(state, state.self, nowMs)
  return {
    name: genesis.name,
    id: cluster,
    open: genesis.open,
    ...headOf(state.log),
    admins: authority.admins,
    recovery: authority.recovery,
    enrollers: [...authority.enrollers],
    state: stateHash(authority),
    members: membersAt(state, nowMs).length,
    ...(own && { self: { owner: own.owner, roles: [...own.roles], notAfterMs: own.notAfterMs } }),
    ...(fork && { fork: { parent: fork.parent, entries: [...fork.entries], doubleSigners: [...fork.doubleSigners] } }),
    ...(halted && { halted }),
    fresh,
    witnesses,
    witnessesNeeded: needed,
    tickets: liveTickets(state, nowMs).length,
  }
}

function membersOf(parts: DaemonParts): MemberView[] {
  const state = stateOf(parts)
  const nowMs = parts.clock.wallMs()
  const { members, gone } = state.roster
  const { enrollers } = state.log.authority
  const facts = (peerId: string) => ({ peerId, enroller: enrollers.has(peerId), self: peerId === state.self })
  const known = [...members.values()].map(({ node, owner, roles, notAfterMs }) => {
    const isMember = memberAt(state, node, nowMs) !== undefined
    const shown: MemberView['state'] = isQuarantined(parts.mesh, node) ? 'quarantined' : isMember ? 'member' : 'expired'
    return { ...facts(node), state: shown, owner, roles: [...roles], notAfterMs }
  })
  return [...known, ...[...gone].map((peerId) => ({ ...facts(peerId), state: 'gone' as const }))]
}

async function invite(parts: DaemonParts, request: TicketRequest): Promise<TicketView> {
  const state = stateOf(parts)
  const nowMs = parts.clock.wallMs()
  refuseUnlessEnroller(state)
  if (liveTickets(state, nowMs).length >= GOVERNANCE_LIMITS.tickets) {
    throw new OperationError('busy', `${GOVERNANCE_LIMITS.tickets} tickets wait to be redeemed`, {
      fix: 'wait until some have expired',
    })
  }
  const owner = request.owner ?? memberAt(state, state.self, nowMs)?.owner
  if (owner === undefined)
    throw new OperationError('invalid', 'this node has no owner to invite for', { fix: 'name one: --owner NAME' })
  const addresses = (await openedPorch(parts)).slice(0, GOVERNANCE_LIMITS.addresses)
  const ticket: Ticket = {
    cluster: state.log.cluster,
    name: state.log.genesis.name,
    redeemer: state.self,
    addresses: [...addresses],
    ...(request.for !== undefined && { for: request.for }),
    owner,
    roles: request.roles,
    membershipMs: request.membershipMs,
    expiresAtMs: nowMs + request.ttlMs,
    nonce: randomBytes(16).toString('hex'),
  }
  const { hash, bytes } = makeStatement('ticket', ticket, [parts.signer])
  parts.governor.run({ type: 'ticket', hash, ticket })
  await parts.porch.tend()
  const text = `${TICKET_PREFIX}${Buffer.from(bytes).toString('base64url')}`
  return { ticket: text, expiresAtMs: ticket.expiresAtMs, redeemer: state.self, addresses: ticket.addresses }
}

async function openedPorch({ porch }: DaemonParts): Promise<readonly string[]> {
  try {
    return await porch.open()
  } catch (cause) {
    throw new OperationError('conflict', `nobody could come to this node: ${messageOf(cause)}`, { cause })
  }
}

function revoke(parts: DaemonParts, peer: string, reason: string): MemberView[] {
  const state = stateOf(parts)
  if (state.roster.gone.has(peer)) return membersOf(parts)
  if (!state.roster.members.has(peer)) throw new OperationError('not-found', `${peer} is no member`)
  refuseUnlessEnroller(state)
  if (state.log.authority.enrollers.has(peer)) {
    throw new OperationError('conflict', `${peer} may admit others: only the admins revoke it`, {
      fix: `althing gov propose --revoke ${peer} --keep all`,
    })
  }
  const atMs = parts.clock.wallMs()
  takeOwn(parts, 'revocation', { cluster: state.log.cluster, node: peer, by: state.self, reason, atMs })
  return membersOf(parts)
}

const text = ({ bytes }: VerifiedStatement) => Buffer.from(bytes).toString('base64url')

function history(parts: DaemonParts): HistoryView {
  const state = stateOf(parts)
  return { genesis: text(parts.governor.genesis!), statements: historyOf(state).map(text) }
}

function take(parts: DaemonParts, statements: readonly string[]): OutcomesView {
  stateOf(parts)
  const opened = statements.map((one) => {
    try {
      return openStatement(new Uint8Array(Buffer.from(one, 'base64url')), SPREAD_KINDS)
    } catch (cause) {
      throw new OperationError('invalid', `a statement does not verify: ${messageOf(cause)}`, { cause })
    }
  })
  return { outcomes: [...parts.governor.take(opened)] }
}

function propose(parts: DaemonParts, entry: string, refusals: readonly string[]): ProposedView {
  stateOf(parts)
  const bytes = (one: string) => new Uint8Array(Buffer.from(one, 'base64url'))
  try {
    return { outcome: parts.governor.propose({ entry: bytes(entry), refusals: refusals.map(bytes) }) }
  } catch (cause) {
    throw new OperationError('invalid', `the proposal does not verify: ${messageOf(cause)}`, { cause })
  }
}
