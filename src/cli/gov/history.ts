/** The whole history of a cluster, read where no daemon need be: verified from the genesis on. */
import { readFileSync, statSync } from 'node:fs'
import { createGovernance, type GovernanceState } from '../../governance/state.ts'
import { governanceStep } from '../../governance/step.ts'
import type { Outcome } from '../../governance/statements.ts'
import { HistoryView } from '../../model/cluster.ts'
import { Genesis } from '../../model/governance.ts'
import type { StatementKind } from '../../wire/limits.ts'
import { openStatement, type VerifiedStatement } from '../../wire/statement.ts'
import type { Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { describeContentError } from './content.ts'
import { firstMissing, type Missing } from './missing.ts'
import { bytesOf } from './proposal.ts'

const KINDS: ReadonlySet<StatementKind> = new Set<StatementKind>([
  'entry',
  'admission',
  'revocation',
  'rotation',
  'attestation',
  'canary',
])
/** The longest log there can be takes less. */
const MAX_FILE_BYTES = 64 * 1024 * 1024
/** No member: whoever reads a history stands outside. */
const NOBODY = ''

/** A history, and what it adds up to. */
export interface ReadHistory {
  readonly state: GovernanceState
  readonly statements: readonly VerifiedStatement[]
  /** Statements that did not count, by why. */
  readonly refused: ReadonlyMap<Outcome, number>
  /** What it rests on and does not bring. */
  readonly missing: Missing | undefined
}

/** Reads a file of `althing gov log --export`. @throws CliError `bad-history` */
export function readHistoryFile(path: string, nowMs: number): ReadHistory {
  let text: string
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw badHistory(path, `larger than ${MAX_FILE_BYTES} bytes`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw error instanceof CliError ? error : badHistory(path, describeFileError(error), error)
  }
  try {
    return readHistory(HistoryView.parse(JSON.parse(text)), nowMs)
  } catch (error) {
    throw badHistory(path, describeContentError(error), error)
  }
}

function badHistory(path: string, why: string, cause?: unknown): CliError {
  return new CliError('bad-history', `${shownWord(path)} does not verify: ${why}`, {
    cause,
    fix: 'export it again with `althing gov log --export FILE`, from another member if need be',
  })
}

/** The history as the daemon here has it. @throws CliError */
export async function readHistoryHere({ client }: Pick<Context, 'client'>): Promise<ReadHistory> {
  return readHistory(await client.get<HistoryView>('/v1/governance'), Date.now())
}

/** Verifies a history from the genesis on. @throws WireError, z.ZodError for the first thing that is no statement */
export function readHistory(history: HistoryView, nowMs: number): ReadHistory {
  const genesis = openStatement(bytesOf(history.genesis), 'genesis')
  const state = createGovernance(NOBODY, genesis.hash, Genesis.parse(genesis.body))
  const statements = history.statements.map((text) => openStatement(bytesOf(text), KINDS))
  const refused = new Map<Outcome, number>()
  // What waited for what came after it is judged again, as long as that brings more to light.
  let left = statements
  for (let before = Infinity; left.length < before;) {
    before = left.length
    const outcomes = outcomesOf(state, left, nowMs)
    for (const outcome of outcomes) if (!GOOD.has(outcome)) refused.set(outcome, (refused.get(outcome) ?? 0) + 1)
    left = left.filter((_, at) => outcomes[at] === 'waiting')
  }
  // Those who are out have confirmed and said things, too, which decides nothing now.
  const waiting = left.filter(({ kind }) => kind !== 'attestation' && kind !== 'canary').length
  if (waiting > 0) refused.set('waiting', waiting)
  return { state, statements, refused, missing: firstMissing(state, statements) }
}

const GOOD: ReadonlySet<Outcome> = new Set<Outcome>(['applied', 'taken', 'beside', 'known', 'waiting'])

function outcomesOf(state: GovernanceState, statements: readonly VerifiedStatement[], nowMs: number) {
  const effects = governanceStep(state, { type: 'statements', statements }, nowMs)
  return effects.flatMap((effect) => (effect.type === 'outcomes' ? effect.outcomes : []))
}
