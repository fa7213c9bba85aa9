/**
 * The one door of governance: one input at one moment changes the state, and what the world is asked to do comes
 * back in order. It sees verified signers and hashes; it never signs, and reads no clock.
 */
import type { AuditDraft } from '../model/audit.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import { configurationOn } from './configuration.ts'
import { eventOfConfiguration, eventOfFork, eventOfRefusal, eventOfStatement, eventOfTicket } from './events.ts'
import { dueAttestation } from './freshness.ts'
import { dueRenewals } from './renewal.ts'
import { rosterOf } from './roster.ts'
import { membersAt, type GovernanceState } from './state.ts'
import { CHANGED, storedKey, takeStatement, type Outcome } from './statements.ts'
import { head, list, news, supply, wants } from './sync.ts'
import { answerOffers, dropProposals, offerTo, restoreProposals, takeProposal } from './proposing.ts'
import { liveTickets, redeem } from './tickets.ts'
import { GOVERNANCE_LIMITS } from '../model/governance.ts'
import type { GovernanceEffect, GovernanceInput, GovernanceMessage } from './types.ts'

/** Takes one input. @param nowMs Unix milliseconds: members come and go by it */
export function governanceStep(state: GovernanceState, input: GovernanceInput, nowMs: number): GovernanceEffect[] {
  const out: GovernanceEffect[] = []
  // Whoever is out says nothing that counts, and hears nothing: its link is on its way to be cut.
  if ('from' in input && input.from !== undefined && state.roster.gone.has(input.from)) return out
  switch (input.type) {
    case 'restore':
      for (const [hash, issued] of input.tickets) state.tickets.set(hash, issued)
      // What members say of others rests on who they are, in whatever order it is stored, and few can wait.
      takeAll(
        state,
        input.statements.filter((one) => !isHearsay(one)),
        nowMs,
      )
      takeAll(state, input.statements.filter(isHearsay), nowMs)
      restoreProposals(state, input.proposals ?? [], nowMs)
      state.present = new Set(membersAt(state, nowMs).map(({ node }) => node))
      // What is stored was told of when it was stored.
      noteConfiguration(state, [])
      // Nobody is there yet to be told anything: what is due is found at the first tick.
      return out
    case 'statements':
      takeStatements(state, input, nowMs, out)
      break
    case 'proposal':
      if (takeProposal(state, input, out, nowMs) === 'complete') {
        takeStatements(state, { ...input, type: 'statements', statements: [input.statement] }, nowMs, out)
      }
      break
    case 'message':
      answer(state, input, out)
      break
    case 'peer-up':
      state.linked.add(input.peer)
      offerTo(state, input.peer, out)
      break
    case 'peer-down':
      state.linked.delete(input.peer)
      break
    case 'ticket':
      state.tickets.set(input.hash, { ticket: input.ticket })
      out.push({ type: 'persist-ticket', key: input.hash, issued: { ticket: input.ticket } })
      note(out, eventOfTicket(input.hash, input.ticket))
      break
    case 'redeem':
      takeTicket(state, input, nowMs, out)
      break
    case 'tick':
      forgetTickets(state, nowMs, out)
      // Here and nowhere else: one that is signed and not taken must not be due again at once.
      for (const body of dueRenewals(state, nowMs)) out.push({ type: 'sign', kind: 'admission', body })
      if (input.peer !== undefined && state.linked.has(input.peer) && !state.roster.gone.has(input.peer)) {
        out.push({ type: 'send', to: input.peer, message: { t: 'gov-head', body: head(state) } })
        offerTo(state, input.peer, out)
      }
      break
  }
  tellChanges(state, nowMs, out)
  dropProposals(state, nowMs, out)
  return out
}

function takeStatements(
  state: GovernanceState,
  { from, statements, more = false }: GovernanceInput & { type: 'statements' },
  nowMs: number,
  out: GovernanceEffect[],
): void {
  const { outcomes, taken } = takeAll(state, statements, nowMs)
  for (const one of taken) out.push({ type: 'persist', key: storedKey(one), bytes: one.bytes })
  for (const event of taken.flatMap((one) => eventOfStatement(state, one))) note(out, event)
  for (const [at, outcome] of outcomes.entries()) {
    for (const event of eventOfRefusal(statements[at]!, outcome, from)) note(out, event)
  }
  out.push({ type: 'outcomes', outcomes })
  const messages = news(taken)
  for (const peer of state.linked) {
    if (peer === from || state.roster.gone.has(peer)) continue
    for (const body of messages) out.push({ type: 'send', to: peer, message: { t: 'gov-give', body } })
  }
  if (more && from !== undefined && taken.length > 0) {
    out.push({ type: 'send', to: from, message: { t: 'gov-list', body: list(state, false) } })
  }
}

function note(out: GovernanceEffect[], event: AuditDraft): void {
  out.push({ type: 'audit', event })
}

function isHearsay({ kind }: VerifiedStatement): boolean {
  return kind === 'attestation' || kind === 'canary'
}

/** Takes statements, and whatever waited for them. @returns what became of each, and all that was new */
function takeAll(state: GovernanceState, statements: readonly VerifiedStatement[], nowMs: number) {
  const taken: VerifiedStatement[] = []
  const take = (statement: VerifiedStatement): Outcome => {
    const outcome = takeStatement(state, statement, nowMs)
    if (CHANGED.has(outcome)) {
      taken.push(statement)
      state.digest = undefined
    }
    return outcome
  }
  const outcomes = statements.map((statement) => {
    const outcome = take(statement)
    if (outcome === 'waiting') wait(state, statement)
    return outcome
  })
  // Whatever waits may have waited for what came, and may bring what others wait for.
  for (let before = -1; before < taken.length;) {
    before = taken.length
    state.roster = rosterOf(state.log.authority, state.statements.values())
    for (const [hash, statement] of state.waiting) if (take(statement) !== 'waiting') state.waiting.delete(hash)
  }
  return { outcomes, taken }
}

function wait({ waiting }: GovernanceState, statement: VerifiedStatement): void {
  if (waiting.size >= GOVERNANCE_LIMITS.waiting) waiting.delete(waiting.keys().next().value!)
  waiting.set(statement.hash, statement)
}

function answer(
  state: GovernanceState,
  { from, message }: GovernanceInput & { type: 'message' },
  out: GovernanceEffect[],
): void {
  const send = (reply: GovernanceMessage) => out.push({ type: 'send', to: from, message: reply })
  if (message.t === 'gov-head') {
    if (message.body.digest !== head(state).digest) send({ t: 'gov-list', body: list(state, false) })
    return
  }
  if (message.t === 'gov-offers') {
    answerOffers(state, from, message.body, out)
    return
  }
  const given = supply(state, message.body)
  if (given !== undefined) send({ t: 'gov-give', body: given })
  if (!message.body.answer && wants(state, message.body)) send({ t: 'gov-list', body: list(state, true) })
}

function takeTicket(
  state: GovernanceState,
  { hash, ticket, node }: GovernanceInput & { type: 'redeem' },
  nowMs: number,
  out: GovernanceEffect[],
): void {
  const redeemed = redeem(state, hash, ticket, node, nowMs)
  if ('fault' in redeemed) {
    note(out, { type: 'ticket.refused', ticket: hash, peer: node, reason: redeemed.fault })
    out.push({ type: 'turn-away', node, fault: redeemed.fault })
    return
  }
  // The same key may ask again, since an answer may be lost.
  if (state.tickets.get(hash)?.burntFor === undefined) {
    note(out, { type: 'ticket.redeemed', ticket: hash, peer: node })
  }
  state.tickets.set(hash, redeemed.burnt)
  out.push({ type: 'persist-ticket', key: hash, issued: redeemed.burnt })
  out.push({ type: 'sign', kind: 'admission', body: redeemed.admission })
}

function forgetTickets(state: GovernanceState, nowMs: number, out: GovernanceEffect[]): void {
  const live = new Set(liveTickets(state, nowMs).map(([hash]) => hash))
  for (const hash of state.tickets.keys()) {
    if (live.has(hash)) continue
    state.tickets.delete(hash)
    out.push({ type: 'persist-ticket', key: hash, issued: null })
  }
}

/** Whatever the input was: who came and who went, a fork, and what this node has to sign. */
function tellChanges(state: GovernanceState, nowMs: number, out: GovernanceEffect[]): void {
  const members = membersAt(state, nowMs)
  const present = new Set(members.map(({ node }) => node))
  const joined = [...present].filter((node) => !state.present.has(node))
  const left = [...state.present].filter((node) => !present.has(node))
  // In an open cluster, and after a crash, there are links to those who never were members.
  for (const node of state.linked) if (state.roster.gone.has(node) && !left.includes(node)) left.push(node)
  state.present = present
  for (const node of left) state.attestations.delete(node)
  for (const peer of left) {
    if (!state.roster.gone.has(peer)) note(out, { type: 'member.expired', peer })
  }
  if (left.length > 0) state.digest = undefined
  // Who was admitted anew may be of another owner, or have other roles.
  const standing = members.map(({ node, owner, roles }) => [node, owner, ...roles].join(' ')).join()
  if (joined.length + left.length > 0 || standing !== state.standing) out.push({ type: 'roster', joined, left })
  state.standing = standing
  const { fork } = state.log
  const name = fork?.entries.join()
  if (fork !== undefined && name !== state.alarmedAt) {
    note(out, eventOfFork(fork))
    out.push({ type: 'alarm', fork })
  }
  state.alarmedAt = name
  noteConfiguration(state, out)
  const attestation = dueAttestation(state, state.self, nowMs)
  if (attestation === undefined) return
  state.attested = attestation
  out.push({ type: 'sign', kind: 'attestation', body: attestation })
}

/** Which settings hold hangs on the log, on words and on who is a member: told in the step in which it changes. */
function noteConfiguration(state: GovernanceState, out: GovernanceEffect[]): void {
  const held = configurationOn(state)
  const name = held && `${held.decided.hash} ${held.stage}`
  if (held !== undefined && name !== state.configurationTold) note(out, eventOfConfiguration(state.self, held))
  state.configurationTold = name
}
