/** How belonging to a cluster begins, by founding it or by a ticket: what is to be stored, for whoever stores it. */
import { randomBytes } from 'node:crypto'
import { tagOf } from '../../governance/state.ts'
import type { AuditDraft } from '../../model/audit.ts'
import type { Founding } from '../../model/cluster-requests.ts'
import { Genesis } from '../../model/governance.ts'
import type { PorchOptions } from '../../peer/porch.ts'
import type { Write } from '../../store/store.ts'
import { AlthingError } from '../../util/errors.ts'
import { makeStatement, statementSigner, type StatementSigner } from '../../wire/statement.ts'
import { OperationError } from '../operations.ts'
import { genesisWrite, statementWrite } from './cluster-store.ts'
import { readTicket, redeemTicket } from './porch.ts'

/** What a founder gives itself: as long as tickets do by default. */
const MEMBERSHIP_MS = 365 * 24 * 60 * 60 * 1000

/** What makes a daemon's store one of a member. */
export interface Beginning {
  /** Of the cluster, for people. */
  readonly name: string
  /** Of the cluster: the hash of its genesis. */
  readonly id: string
  readonly writes: readonly Write[]
  /** For the audit log. */
  readonly event: AuditDraft
}

/** Founds a cluster whose first member is this key. @throws OperationError `invalid` */
export function founding(signer: StatementSigner, request: Founding, nowMs: number): Beginning {
  const { name, admins, threshold, recovery, recoveryThreshold, owner, open } = request
  const parsed = Genesis.safeParse({
    name,
    nonce: randomBytes(16).toString('hex'),
    admins: { keys: admins, threshold },
    recovery: { keys: recovery, threshold: recoveryThreshold },
    enrollers: [signer.id],
    open,
    createdAtMs: nowMs,
  })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new OperationError('invalid', `${issue!.path.join('.')}: ${issue!.message}`, {
      fix: 'more than half of the admins must decide: 2 of 2, 2 of 3, 3 of 4; the same for recovery keys',
    })
  }
  const genesis = makeStatement('genesis', parsed.data, [])
  const first = makeStatement(
    'admission',
    {
      cluster: genesis.hash,
      node: signer.id,
      enroller: signer.id,
      owner,
      roles: ['worker', 'submitter'],
      notBeforeMs: nowMs,
      notAfterMs: nowMs + MEMBERSHIP_MS,
    },
    [signer],
  )
  const event = { type: 'cluster.founded', cluster: genesis.hash } as const
  return { name, id: genesis.hash, writes: [genesisWrite(genesis), statementWrite(first)], event }
}

/** Who shows a ticket. */
export interface Newcomer extends PorchOptions {
  readonly nowMs: () => number
}

/** A ticket that was read: what it says, and the statement that says so. */
type ReadTicket = ReturnType<typeof readTicket>

/** What a ticket says. @throws OperationError `invalid` for what is none */
export function ticketIn(text: string, nowMs: number): ReadTicket {
  try {
    return readTicket(text, nowMs)
  } catch (error) {
    throw asOperationError(error)
  }
}

/** Redeems a ticket. @throws OperationError `conflict` where it is not taken */
export async function redeeming(newcomer: Newcomer, made: ReadTicket): Promise<Beginning> {
  const { seed, nowMs } = newcomer
  try {
    const { name, redeemer } = made.ticket
    const { genesis, statements, addresses } = await redeemTicket(newcomer, statementSigner(seed).id, made, nowMs)
    const known = { cluster: tagOf(name, genesis.hash), addresses: plain(addresses), reachedMs: nowMs() }
    const event = { type: 'cluster.joined', cluster: genesis.hash, peer: redeemer } as const
    const peer: Write = { collection: 'peer', key: redeemer, doc: known }
    return { name, id: genesis.hash, writes: [genesisWrite(genesis), ...statements.map(statementWrite), peer], event }
  } catch (error) {
    throw asOperationError(error)
  }
}

function asOperationError(error: unknown): unknown {
  if (error instanceof OperationError || !(error instanceof AlthingError)) return error
  const { message, fix } = error
  const code = error.code === 'bad-ticket' ? 'invalid' : 'conflict'
  return new OperationError(code, message, { cause: error, ...(fix !== undefined && { fix }) })
}

/** Addresses as the list of known peers keeps them: without `/p2p/`, four at most. */
function plain(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.replace(/\/p2p\/[^/]+$/, '')).slice(0, 4)
}
