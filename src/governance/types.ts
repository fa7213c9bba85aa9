/** What comes to the governance of one cluster, and what follows from it. */
import type { AuditDraft } from '../model/audit.ts'
import type { Admission, Attestation, Ticket } from '../model/governance.ts'
import type {
  GovernanceGive,
  GovernanceHead,
  GovernanceList,
  GovernanceOffers,
  GovernanceProposal,
} from '../model/governance-sync.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import type { Key } from './authority.ts'
import type { Fork } from './log.ts'
import type { ProposalOutcome } from './proposals.ts'
import type { IssuedTicket } from './state.ts'
import type { Outcome } from './statements.ts'
import type { TicketFault } from './tickets.ts'

/** Messages between members, as they go over the control stream. */
export type GovernanceMessage =
  | { readonly t: 'gov-head'; readonly body: GovernanceHead }
  | { readonly t: 'gov-list'; readonly body: GovernanceList }
  | { readonly t: 'gov-give'; readonly body: GovernanceGive }
  | { readonly t: 'gov-offers'; readonly body: GovernanceOffers }
  | { readonly t: 'gov-proposal'; readonly body: GovernanceProposal }

/** Messages whose signatures are checked before they get here: what they carry comes as an input of its own. */
export type SignedMessage = Extract<GovernanceMessage, { t: 'gov-give' | 'gov-proposal' }>

/** A proposal whose signatures were checked. */
export interface StoredProposal {
  readonly statement: VerifiedStatement
  readonly refusals: readonly VerifiedStatement[]
}

/** What can happen. */
export type GovernanceInput =
  /** First input: what the store holds, its statements verified again. */
  | {
      readonly type: 'restore'
      readonly statements: readonly VerifiedStatement[]
      readonly tickets: ReadonlyMap<string, IssuedTicket>
      readonly proposals?: readonly StoredProposal[]
    }
  /** From a member, or from nobody: then they were made here. `more`: the member has more of them. */
  | {
      readonly type: 'statements'
      readonly from?: Key
      readonly statements: readonly VerifiedStatement[]
      readonly more?: boolean
    }
  | { readonly type: 'message'; readonly from: Key; readonly message: Exclude<GovernanceMessage, SignedMessage> }
  /** A proposal, with every signature that was known before it came; from nobody: it was made here. */
  | ({ readonly type: 'proposal'; readonly from?: Key } & StoredProposal)
  /** A link to it stands. Its hello, which says what it knows, comes as a `gov-head`. */
  | { readonly type: 'peer-up'; readonly peer: Key }
  | { readonly type: 'peer-down'; readonly peer: Key }
  /** A ticket was signed here. */
  | { readonly type: 'ticket'; readonly hash: string; readonly ticket: Ticket }
  /** Somebody whose key was proven shows a ticket. */
  | { readonly type: 'redeem'; readonly hash: string; readonly ticket: Ticket; readonly node: Key }
  /** Every half a minute: looks at the time, and compares with one linked member. */
  | { readonly type: 'tick'; readonly peer?: Key }

/** What is asked of the world. What is persisted is durable before anything else of the same step is done. */
export type GovernanceEffect =
  | { readonly type: 'persist'; readonly key: string; readonly bytes: Uint8Array }
  | { readonly type: 'persist-ticket'; readonly key: string; readonly issued: IssuedTicket | null }
  /** Null: it is kept no longer. */
  | { readonly type: 'persist-proposal'; readonly key: string; readonly proposal: StoredProposal | null }
  /** What became of the proposal. */
  | { readonly type: 'proposed'; readonly outcome: ProposalOutcome }
  | { readonly type: 'send'; readonly to: Key; readonly message: GovernanceMessage }
  /** Sign this with the node's key; it comes back as `statements`. */
  | { readonly type: 'sign'; readonly kind: 'admission'; readonly body: Admission }
  | { readonly type: 'sign'; readonly kind: 'attestation'; readonly body: Attestation }
  /** What became of each statement of the input, in order. */
  | { readonly type: 'outcomes'; readonly outcomes: readonly Outcome[] }
  /** The ticket that was shown does not admit. */
  | { readonly type: 'turn-away'; readonly node: Key; readonly fault: TicketFault }
  /** Who is a member has changed. Whoever is in `left` gets and gives nothing any more. */
  | { readonly type: 'roster'; readonly joined: readonly Key[]; readonly left: readonly Key[] }
  /** Two valid entries follow one: authority is frozen, and these keys signed both. */
  | { readonly type: 'alarm'; readonly fork: Fork }
  /** Write this into the audit log, with what was persisted. */
  | { readonly type: 'audit'; readonly event: AuditDraft }
