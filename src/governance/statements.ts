/**
 * Taking in one statement, of whatever kind: what is kept, what waits for what it rests on, what is refused. Nothing
 * here says who is a member; that is worked out from what is kept, see `roster.ts`.
 */
import type { CanaryWord } from '../model/configuration.ts'
import { Admission, Attestation, GOVERNANCE_LIMITS, Revocation, Rotation } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import { countsBy, type Key } from './authority.ts'
import { takeCanaryWord, wordKey } from './canary-words.ts'
import { takeEntry, type EntryOutcome } from './log.ts'
import type { Held } from './roster.ts'
import { isNamed, memberAt, type GovernanceState } from './state.ts'

/** What became of a statement. Only `taken`, `applied` and `beside` changed anything. */
export type Outcome =
  | EntryOutcome
  | 'taken'
  /** Signed by an enroller that lost the right, and not among what stays. */
  | 'void'
  /** Not signed by whom it must be. */
  | 'wrong-signers'
  /** Older than what is known, or made later than our clock allows. */
  | 'stale'

/** Outcomes after which what waits may have its chance. */
export const CHANGED: ReadonlySet<Outcome> = new Set<Outcome>(['taken', 'applied', 'beside'])

/** What a statement is stored under: its hash, but of attestations and words on canaries one of each is kept. */
export function storedKey({ kind, hash, signers, body }: VerifiedStatement): string {
  if (kind === 'canary') return `canary ${wordKey(body as CanaryWord)}`
  return kind === 'attestation' ? `attestation ${signers[0]}` : hash
}

/** An attestation may be so far ahead of our clock. */
const MAX_AHEAD_MS = 30_000
/** Two are the proof that a key was in two hands; more prove nothing else. */
const ROTATIONS_OF_ONE_KEY = 2

/** Takes one statement. @param nowMs Unix milliseconds */
export function takeStatement(state: GovernanceState, statement: VerifiedStatement, nowMs: number): Outcome {
  switch (statement.kind) {
    case 'entry':
      return takeEntry(state.log, statement)
    case 'admission':
    case 'revocation':
    case 'rotation':
      return takeHeld(state, statement)
    case 'attestation':
      return takeAttestation(state, statement, nowMs)
    case 'canary':
      return takeCanaryWord(state, statement)
    default:
      return 'malformed'
  }
}

function takeHeld(state: GovernanceState, statement: VerifiedStatement): Outcome {
  if (state.statements.has(statement.hash)) return 'known'
  const held = read(statement)
  if (held === undefined) return 'malformed'
  if (held.body.cluster !== state.log.cluster) return 'wrong-cluster'
  const fault = faultOfSigners(state, held, statement.signers)
  if (fault !== undefined) return fault
  const signed = state.bySigner.get(held.signer) ?? 0
  if (state.statements.size >= GOVERNANCE_LIMITS.statements || signed >= GOVERNANCE_LIMITS.statementsPerSigner) {
    return 'full'
  }
  state.bySigner.set(held.signer, signed + 1)
  state.statements.set(statement.hash, { ...held, statement })
  return 'taken'
}

const SCHEMAS = { admission: Admission, revocation: Revocation, rotation: Rotation } as const

function read({ kind, body, hash, signers }: VerifiedStatement): Held | undefined {
  const [signer] = signers
  if (signer === undefined || !Object.hasOwn(SCHEMAS, kind)) return undefined
  const parsed = SCHEMAS[kind as keyof typeof SCHEMAS].safeParse(body)
  return parsed.success ? ({ kind, hash, signer, body: parsed.data } as Held) : undefined
}

function faultOfSigners(state: GovernanceState, held: Held, signers: readonly Key[]): Outcome | undefined {
  const { authority } = state.log
  if (held.kind === 'rotation') {
    const { from, to } = held.body
    if (from === to || signers.length !== 2 || !signers.includes(from) || !signers.includes(to)) return 'wrong-signers'
    if (!isNamed(state, from)) return 'waiting'
    return rotationsOf(state, from) >= ROTATIONS_OF_ONE_KEY ? 'known' : undefined
  }
  const named = held.kind === 'admission' ? held.body.enroller : held.body.by
  if (signers.length !== 1 || held.signer !== named) return 'wrong-signers'
  if (held.kind === 'revocation' && held.signer === held.body.node) {
    return isNamed(state, held.signer) ? undefined : 'waiting'
  }
  if (countsBy(authority, held.signer, held.hash)) return undefined
  // Who may not admit today may be given the right by an entry that is still on its way; who lost it, never.
  return authority.withdrawn.has(held.signer) ? 'void' : 'waiting'
}

function rotationsOf({ statements }: GovernanceState, from: Key): number {
  return [...statements.values()].filter(({ kind, body }) => kind === 'rotation' && body.from === from).length
}

function takeAttestation(state: GovernanceState, statement: VerifiedStatement, nowMs: number): Outcome {
  const parsed = Attestation.safeParse(statement.body)
  const [signer] = statement.signers
  if (!parsed.success || signer === undefined) return 'malformed'
  const body = parsed.data
  if (statement.signers.length !== 1 || signer !== body.node) return 'wrong-signers'
  if (body.cluster !== state.log.cluster) return 'wrong-cluster'
  if (body.atMs > nowMs + MAX_AHEAD_MS) return 'stale'
  if (memberAt(state, signer, nowMs) === undefined) return 'waiting'
  const known = state.attestations.get(signer)
  if (known?.statement.hash === statement.hash) return 'known'
  if (known !== undefined && (known.body.atMs > body.atMs || sameTimeAndLower(known, body.atMs, statement))) {
    return 'stale'
  }
  state.attestations.set(signer, { body, statement })
  return 'taken'
}

/** Of two of one moment the one with the higher hash is kept, so that all members keep the same. */
function sameTimeAndLower(
  known: { readonly body: Attestation; readonly statement: VerifiedStatement },
  atMs: number,
  { hash }: VerifiedStatement,
): boolean {
  return known.body.atMs === atMs && known.statement.hash > hash
}
