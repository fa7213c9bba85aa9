/** What a member knows of its cluster, and what others want of it. Changed only by `governanceStep`. */
import type { CanaryWord } from '../model/configuration.ts'
import type { Attestation, Change, Genesis, LogEntry, Ticket } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import type { Key } from './authority.ts'
import { createLog, type Log } from './log.ts'
import { rosterOf, type Held, type Member, type Roster } from './roster.ts'

/** A ticket that was issued here. */
export interface IssuedTicket {
  readonly ticket: Ticket
  /** The key it was burnt for: the only one that is admitted by it, however often it asks. */
  readonly burntFor?: Key
}

/** A statement of the set as it was read, and as it travels. */
export type HeldStatement = Held & { readonly statement: VerifiedStatement }

/** A proposal with what was signed for it, and against it. */
export interface Proposed {
  readonly statement: VerifiedStatement
  readonly entry: LogEntry
  readonly change: Change
  /** By admins that promise never to sign it; each once. */
  readonly refusals: readonly VerifiedStatement[]
}

/** Everything about who belongs. */
export interface GovernanceState {
  readonly self: Key
  readonly log: Log
  /** Admissions, revocations and rotations by hash, also those that do not count at present. */
  readonly statements: Map<string, HeldStatement>
  /** How many of them one key signed. */
  readonly bySigner: Map<Key, number>
  /** What came before what it rests on, by hash. */
  readonly waiting: Map<string, VerifiedStatement>
  /** The newest attestation of each member. */
  readonly attestations: Map<Key, { readonly body: Attestation; readonly statement: VerifiedStatement }>
  /** How canaries fare, by member and canary; see `canary-words.ts`. */
  readonly canaryWords: Map<string, { readonly body: CanaryWord; readonly statement: VerifiedStatement }>
  /** By hash of the ticket. */
  readonly tickets: Map<string, IssuedTicket>
  /** By hash: what waits for signatures. */
  readonly proposals: Map<string, Proposed>
  /** Members at the other ends of links. */
  readonly linked: Set<Key>
  roster: Roster
  /** Who was a member when it was last looked, to tell who is one no more. */
  present: ReadonlySet<Key>
  /** Their owners and roles, as they were last told. */
  standing: string
  /** Names all that is passed on to others; undefined when it has to be worked out again. */
  digest: string | undefined
  /** What this node attested last, whatever became of it: it is said once. */
  attested: Attestation | undefined
  /** The entry of the configuration that was last told of, and how far it had come. */
  configurationTold: string | undefined
  /** The fork that was last told of. */
  alarmedAt: string | undefined
}

/** How far ahead of ours the clock of an enroller may be, as for records. */
const SKEW_MS = 30_000

/** A cluster of which only the genesis is known. @param cluster hash of the genesis */
export function createGovernance(self: Key, cluster: string, genesis: Genesis): GovernanceState {
  const log = createLog(cluster, genesis)
  return {
    self,
    log,
    statements: new Map(),
    bySigner: new Map(),
    waiting: new Map(),
    attestations: new Map(),
    canaryWords: new Map(),
    tickets: new Map(),
    proposals: new Map(),
    linked: new Set(),
    roster: rosterOf(log.authority, []),
    present: new Set(),
    standing: '',
    digest: undefined,
    attested: undefined,
    configurationTold: undefined,
    alarmedAt: undefined,
  }
}

/** A member at this moment; undefined for everybody else. */
export function memberAt({ roster }: GovernanceState, node: Key, nowMs: number): Member | undefined {
  const member = roster.members.get(node)
  if (member === undefined || nowMs >= member.notAfterMs || nowMs < member.notBeforeMs - SKEW_MS) return undefined
  return member
}

/** Whether a node may link at all: members, and in an open cluster whoever was not sent away. */
export function mayLink(state: GovernanceState, node: Key, nowMs: number): boolean {
  if (state.log.genesis.open) return !state.roster.gone.has(node)
  return memberAt(state, node, nowMs) !== undefined
}

/** Whether this node may let others in: an enroller that has left may not, though the admins never took its right. */
export function mayAdmit({ self, log, roster }: GovernanceState): boolean {
  return log.authority.enrollers.has(self) && !roster.gone.has(self)
}

/** Members at this moment. */
export function membersAt(state: GovernanceState, nowMs: number): Member[] {
  return [...state.roster.members.values()].filter(({ node }) => memberAt(state, node, nowMs) !== undefined)
}

/** The name that keeps apart what is said in a cluster: part of topics, hello and mDNS; at most 64 characters. */
export function tagOf(name: string, cluster: string): string {
  return `${name.slice(0, 47)}-${cluster.slice(0, 16)}`
}

/** Whether any statement makes, or made, this key a member. */
export function isNamed({ statements, roster }: GovernanceState, key: Key): boolean {
  if (roster.members.has(key) || roster.gone.has(key)) return true
  for (const { kind, body } of statements.values()) {
    if (kind === 'admission' && body.node === key) return true
    if (kind === 'rotation' && body.to === key) return true
  }
  return false
}
