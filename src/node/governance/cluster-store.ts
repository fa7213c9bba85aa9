/** The cluster this daemon belongs to, as it is stored: genesis, statements, tickets. */
import * as z from 'zod'
import { storedKey } from '../../governance/statements.ts'
import type { GovernanceState, IssuedTicket } from '../../governance/state.ts'
import type { StoredProposal } from '../../governance/types.ts'
import { Genesis, Ticket } from '../../model/governance.ts'
import { PeerId } from '../../model/identifiers.ts'
import type { Store, Write } from '../../store/store.ts'
import { AlthingError, messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import type { StatementKind } from '../../wire/limits.ts'
import { openStatement, type VerifiedStatement } from '../../wire/statement.ts'
import { loadProposals } from './proposal-store.ts'

/** What members pass on to each other. */
export const SPREAD_KINDS: ReadonlySet<StatementKind> = new Set<StatementKind>([
  'entry',
  'admission',
  'revocation',
  'rotation',
  'attestation',
  'canary',
])

const StoredStatement = z.strictObject({ bytes: z.instanceof(Uint8Array) })
const StoredTicket = z.strictObject({ ticket: Ticket, burntFor: PeerId.optional() })

/** A cluster as it was found on disk. */
export interface StoredCluster {
  readonly genesis: Genesis
  /** The genesis as a statement: its hash is the cluster's id. */
  readonly statement: VerifiedStatement
  readonly statements: readonly VerifiedStatement[]
  readonly tickets: ReadonlyMap<string, IssuedTicket>
  readonly proposals: readonly StoredProposal[]
}

/** What is written of a statement. */
export function statementWrite(statement: VerifiedStatement): Write {
  return { collection: 'statement', key: storedKey(statement), doc: { bytes: statement.bytes } }
}

/** What is written of a genesis. */
export function genesisWrite({ bytes }: VerifiedStatement): Write {
  return { collection: 'cluster', key: 'genesis', doc: { bytes } }
}

/** Removes everything of the cluster. */
export function forgetWrites(store: Store): Write[] {
  const collections = ['cluster', 'statement', 'ticket', 'proposal'] as const
  return collections.flatMap((collection) =>
    [...store.load(collection).keys()].map((key) => ({ collection, key, doc: null })),
  )
}

/**
 * Reads what is stored and verifies it again.
 * @returns undefined for a daemon that belongs to no cluster with a genesis
 * @throws AlthingError `damaged-genesis`: going on as if there were none would open this node to everybody
 */
export function loadCluster(store: Store, log: Logger): StoredCluster | undefined {
  const doc = store.load('cluster').get('genesis')
  if (doc === undefined) return undefined
  const { genesis, statement } = readGenesis(doc)
  const statements: VerifiedStatement[] = []
  for (const [key, stored] of store.load('statement')) {
    const parsed = StoredStatement.safeParse(stored)
    try {
      if (parsed.success) statements.push(openStatement(parsed.data.bytes, SPREAD_KINDS))
    } catch (error) {
      log.warn({ key, error: messageOf(error) }, 'a stored statement does not verify; other members will give it again')
    }
  }
  // Entries in the order of the chain; what rests on them comes behind.
  const heightOf = ({ kind, body }: VerifiedStatement) =>
    kind === 'entry' ? ((body as { height?: number }).height ?? 0) : Infinity
  statements.sort((a, b) => (heightOf(a) < heightOf(b) ? -1 : 1))
  const tickets = new Map<string, IssuedTicket>()
  for (const [key, stored] of store.load('ticket')) {
    const { data } = StoredTicket.safeParse(stored)
    if (data === undefined) continue
    const { ticket, burntFor } = data
    tickets.set(key, { ticket, ...(burntFor === undefined ? {} : { burntFor }) })
  }
  return { genesis, statement, statements, tickets, proposals: loadProposals(store, log) }
}

function readGenesis(doc: unknown): { genesis: Genesis; statement: VerifiedStatement } {
  try {
    const statement = openStatement(StoredStatement.parse(doc).bytes, 'genesis')
    return { genesis: Genesis.parse(statement.body), statement }
  } catch (cause) {
    throw new AlthingError('damaged-genesis', `the stored genesis cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'restore the data directory from a backup, or begin with an empty one and join again by a ticket',
    })
  }
}

/** Everything that was signed, entries first and in order: what `gov verify` reads. */
export function historyOf(state: GovernanceState): VerifiedStatement[] {
  const { chain, placed, heights } = state.log
  const inChain = chain.slice(1).map((hash) => placed.get(hash)!.statement)
  const beside = [...placed.values()].filter(({ statement }) => !heights.has(statement.hash))
  const rest = [...beside, ...state.statements.values(), ...state.attestations.values(), ...state.canaryWords.values()]
  return [...inChain, ...rest.map(({ statement }) => statement)]
}
