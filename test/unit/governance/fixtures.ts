/** A cluster made by hand: everything defaulted, so that what a test sets is what matters. */
import { createHash } from 'node:crypto'
import { createGovernance, type GovernanceState } from '../../../src/governance/state.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceEffect } from '../../../src/governance/types.ts'
import { headOf } from '../../../src/governance/log.ts'
import type { Genesis } from '../../../src/model/governance.ts'
import {
  makeStatement,
  statementSigner,
  type StatementSigner,
  type VerifiedStatement,
} from '../../../src/wire/statement.ts'

export const NOW_MS = Date.UTC(2026, 5, 1)
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS
export const YEAR_MS = 365 * DAY_MS

/** A key that is the same in every run. */
export function keyOf(name: string): StatementSigner {
  return statementSigner(new Uint8Array(createHash('sha256').update(name).digest()))
}

export const [ANN, BEN, CAT] = ['ann', 'ben', 'cat'].map(keyOf) as [StatementSigner, StatementSigner, StatementSigner]
export const [MIA, NED, OLI] = ['mia', 'ned', 'oli'].map(keyOf) as [StatementSigner, StatementSigner, StatementSigner]
export const RESCUE = keyOf('rescue')
export const ENROLLER = keyOf('enroller')
export const OTHER_ENROLLER = keyOf('other enroller')

export interface TestCluster {
  readonly genesis: Genesis
  readonly statement: VerifiedStatement
  readonly id: string
}

export function clusterOf(overrides: Partial<Genesis> = {}): TestCluster {
  const genesis: Genesis = {
    name: 'home',
    nonce: '0'.repeat(32),
    admins: { keys: [ANN.id, BEN.id, CAT.id], threshold: 2 },
    recovery: { keys: [RESCUE.id], threshold: 1 },
    enrollers: [ENROLLER.id],
    open: false,
    createdAtMs: NOW_MS,
    ...overrides,
  }
  const statement = makeStatement('genesis', genesis, [])
  return { genesis, statement, id: statement.hash }
}

export const HOME = clusterOf()

export function stateOf(cluster = HOME, self = ENROLLER.id): GovernanceState {
  return createGovernance(self, cluster.id, cluster.genesis)
}

/** An entry upon `parent`, signed by Ann and Ben. */
export function entryOn(
  parent: { readonly height: number; readonly head: string },
  change: { readonly kind: string; readonly [field: string]: unknown },
  signers: readonly StatementSigner[] = [ANN, BEN],
  cluster = HOME.id,
): VerifiedStatement {
  const body = { cluster, height: parent.height + 1, parent: parent.head, atMs: NOW_MS, change }
  return makeStatement('entry', body, signers)
}

export const after = ({ hash, body }: VerifiedStatement) => ({
  height: (body as { height: number }).height,
  head: hash,
})
export const GENESIS_PLACE = { height: 0, head: HOME.id }
export const headIn = (state: GovernanceState) => headOf(state.log)

/** A change that changes nothing of note, and is another for each number. */
export const someChange = (n: number) => ({ kind: 'revoke', nodes: [keyOf(`nobody ${n}`).id], keep: [] })
export const enrollers = (add: readonly string[], remove: readonly string[] = [], keep: readonly string[] = []) => ({
  kind: 'enrollers',
  add,
  remove,
  keep,
})

export function admit(
  node: string,
  overrides: Record<string, unknown> = {},
  enroller: StatementSigner = ENROLLER,
): VerifiedStatement {
  const body = {
    cluster: HOME.id,
    node,
    enroller: enroller.id,
    owner: 'ann',
    roles: ['worker', 'submitter'],
    notBeforeMs: NOW_MS,
    notAfterMs: NOW_MS + YEAR_MS,
    ...overrides,
  }
  return makeStatement('admission', body, [enroller])
}

export function revoke(node: string, by: StatementSigner = ENROLLER): VerifiedStatement {
  return makeStatement('revocation', { cluster: HOME.id, node, by: by.id, reason: 'lost', atMs: NOW_MS }, [by])
}

export function rotate(from: StatementSigner, to: StatementSigner, signers = [from, to]): VerifiedStatement {
  return makeStatement('rotation', { cluster: HOME.id, from: from.id, to: to.id, atMs: NOW_MS }, signers)
}

export function attest(by: StatementSigner, place: { height: number; head: string }, atMs = NOW_MS): VerifiedStatement {
  return makeStatement('attestation', { cluster: HOME.id, node: by.id, ...place, atMs }, [by])
}

/** What a member says of a canary. */
export function wordOf(
  by: StatementSigner,
  entry: string,
  about: string,
  well: boolean,
  atMs = NOW_MS,
  why = 'as it is',
) {
  const word = { cluster: HOME.id, node: by.id, entry, about, well, why, atMs }
  return makeStatement('canary', word, [by])
}

/** Gives statements to a state; what it wants signed is signed by nobody. */
export function give(state: GovernanceState, statements: readonly VerifiedStatement[], nowMs = NOW_MS) {
  return governanceStep(state, { type: 'statements', statements }, nowMs)
}

/** What became of one statement. */
export function fateOf(state: GovernanceState, statement: VerifiedStatement, nowMs = NOW_MS): string {
  const effects = give(state, [statement], nowMs)
  return effects.find((one): one is GovernanceEffect & { type: 'outcomes' } => one.type === 'outcomes')!.outcomes[0]!
}

export function membersIn(state: GovernanceState): string[] {
  return [...state.roster.members.keys()].toSorted()
}
