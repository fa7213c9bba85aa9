/** How a change is decided: proposed, signed by a key here, and brought into the log or to those who sign next. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decidingOf, isSignedBy } from '../../governance/authority.ts'
import type { ClusterView, OutcomesView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { makeStatement } from '../../wire/statement.ts'
import { ifThere } from '../client.ts'
import type { Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { ADMIN_KEY, AdminKey } from './admin.ts'
import { deadHere } from './dead.ts'
import { readHistoryHere } from './history.ts'
import { offer } from './offered.ts'
import { describeChange, fileOf, proposalOf, textIn, textOf, writeProposal, type Proposal } from './proposal.ts'
import { refuseRecovered, undoneAfter, type Place } from './undoing.ts'

/** Upon which entry a change is proposed, and by which key. */
export interface Beginning {
  /** @default the newest entry */
  readonly upon?: Place
  /** In the data directory. @default that of an admin */
  readonly keyName?: string
}

/** As many of them as must sign where nobody says how many. */
export function majority(keys: readonly string[]): number {
  return Math.floor(keys.length / 2) + 1
}

/** Proposes a change: signs it here if a key is here, and brings it in if that is enough. @throws CliError */
export async function begin(
  context: Context,
  view: ClusterView,
  change: Change,
  out: string | undefined,
  { upon = { height: view.height, hash: view.head }, keyName = ADMIN_KEY }: Beginning = {},
): Promise<void> {
  const body = { cluster: view.id, height: upon.height + 1, parent: upon.hash, atMs: Date.now(), change }
  const proposal = proposalOf(makeStatement('entry', body, []))
  const path = out ?? fileOf(proposal)
  if (existsSync(path)) throw usageError(`--out ${path}: there is such a file already`, 'give another with --out')
  if (existsSync(join(context.paths.dataDir, keyName))) {
    const signer = AdminKey.in(context.paths.dataDir, keyName)
    const signed = await sign(context, proposal, { path, signer, after: upon.height })
    // What everybody has needs no file that nobody asked for.
    const isOver = signed.isInLog && out === undefined
    if (isOver) rmSync(path)
    return tell(context, isOver ? { ...signed, file: undefined } : signed)
  }
  writeProposal(path, proposal)
  context.note(`althing: wrote ${path}; no ${keyName} is on this machine: let the admins sign it`)
  tell(context, { proposal, isInLog: false, file: path })
}

/** How a proposal is signed. */
export interface Signing {
  /** Where it lies, if it is a file. */
  readonly path: string | undefined
  readonly signer: AdminKey
  /** One that it is signed instead of. */
  readonly dead?: string | undefined
  /** The last entry that goes on to count, as whoever signs has understood it; needed where that is not the newest. */
  readonly after?: number | undefined
}

/** What became of it: whether it is in the log, and the file that holds it, if there is one. */
export interface Signed {
  readonly proposal: Proposal
  readonly isInLog: boolean
  readonly file: string | undefined
}

/** Signs a proposal with a key, and brings it as far as that goes. @throws CliError */
export async function sign(
  context: Context,
  proposal: Proposal,
  { path, signer, dead, after }: Signing,
): Promise<Signed> {
  const { note } = context
  for (const line of describeChange(proposal.change)) note(`althing: ${line}`)
  for (const line of textIn(proposal.change)) note(`  ${line}`)
  await refuseDecided(context, proposal, after)
  const over = await deadHere(context)
  const isDead = (hash: string): boolean => hash === dead || over.has(hash)
  signer.check(proposal.statement, proposal.entry.parent, isDead)
  // A promise binds the key to this very entry: where it cannot be kept it is not given.
  if (path !== undefined) writeProposal(path, proposal)
  const statement = signer.sign(proposal.statement, proposal.entry.parent, isDead)
  const signed = { ...proposal, statement }
  // Kept before it goes anywhere: the promise is given.
  if (path !== undefined) writeProposal(path, signed)
  note(`althing: signed by ${signer.id}; ${count(statement.signers.length, 'signature')} in all`)
  let isInLog = false
  const file = await keptUnless(context, signed, path, async () => {
    const where = await bring(context, signed)
    isInLog = where === 'log'
    return where !== 'here'
  })
  return { proposal: signed, isInLog, file }
}

/**
 * A signature for a place that is taken decides nothing, and forks the log if another admin's key was copied: whoever
 * made the rival counts on it. The recovery keys alone may begin anew at an earlier place, once, and each must know
 * what that undoes. Where no daemon of the cluster answers nobody here knows. @throws CliError
 */
async function refuseDecided(context: Context, proposal: Proposal, after: number | undefined): Promise<void> {
  const { entry, change } = proposal
  const view = await context.client.get<ClusterView>('/v1/cluster').catch(() => undefined)
  if (view === undefined || view.id !== entry.cluster) return
  if (change.kind === 'recover') return refuseUnawares(context, proposal, after)
  if (view.height < entry.height) return
  throw new CliError('not-next', `entry ${entry.height} of the log is decided already; nothing was signed`, {
    fix: 'see `althing gov log`; what is still wanted is proposed anew, upon the newest entry',
  })
}

async function refuseUnawares(context: Context, { entry }: Proposal, after: number | undefined): Promise<void> {
  const { log } = (await readHistoryHere(context)).state
  const height = entry.height - 1
  // One that is not here yet, or was undone: nothing of what counts here follows from it.
  if (log.chain[height] !== entry.parent) {
    if (!log.placed.has(entry.parent)) return
    throw new CliError('not-next', 'it is upon an entry that is no part of the log; nothing was signed', {
      fix: 'see `althing gov log`, and make a new one: `althing gov recover`',
    })
  }
  refuseRecovered(log, { height, hash: entry.parent })
  const undone = undoneAfter(log, height)
  for (const line of undone) context.note(`althing: ${line}`)
  if (undone.length === 0 || after === height) return
  throw new CliError('undoes', 'it undoes what was decided since; nothing was signed', {
    fix: `if all of that is meant, sign it with --after ${height}`,
  })
}

/**
 * Does what takes a proposal to others. Where it fails, or they do not take it, a file is what holds what was signed:
 * the one it came from, or else a new one.
 *
 * @returns the path of that file, if there is one
 */
export async function keptUnless(
  { note }: Context,
  proposal: Proposal,
  path: string | undefined,
  passOn: () => Promise<boolean>,
): Promise<string | undefined> {
  const keep = (): string => {
    if (path === undefined) writeProposal(fileOf(proposal), proposal)
    note(`althing: ${path ?? fileOf(proposal)} has it: hand that on`)
    return path ?? fileOf(proposal)
  }
  const isTaken = await passOn().catch((error: unknown) => {
    keep()
    throw error
  })
  return isTaken ? path : keep()
}

/**
 * Brings a proposal into the log if it is complete, and else offers it to others, by the daemon that runs here.
 * @returns where it is then: in the log, with all members, or here alone
 */
async function bring(context: Context, proposal: Proposal): Promise<'log' | 'members' | 'here'> {
  const { client, note } = context
  const { statement, entry, change } = proposal
  const view = await ifThere(client.get<ClusterView>('/v1/cluster'))
  if (view === undefined || view.id !== entry.cluster) {
    note('althing: no daemon of its cluster runs here: it goes on by hand')
    return 'here'
  }
  const deciding = decidingOf(view, change)
  if (!isSignedBy(deciding, statement.signers)) {
    note(`althing: ${deciding.threshold} of ${deciding.keys.length} must sign`)
    return (await offer(context, proposal)) ? 'members' : 'here'
  }
  const { outcomes } = await client.post<OutcomesView>('/v1/governance', { statements: [textOf(statement)] })
  if (outcomes[0] !== 'applied' && outcomes[0] !== 'known') {
    throw new CliError('not-taken', `the log does not take it: ${outcomes[0] ?? 'no answer'}`, {
      fix: 'see `althing gov log`: if another entry came first, make a new proposal upon it',
    })
  }
  note(`althing: it is entry ${entry.height} of the log`)
  return 'log'
}

/** For programs: which entry it is or would be, and what is still missing. */
export function tell({ json, printJson }: Context, { proposal, isInLog, file }: Signed): void {
  if (!json) return
  const { statement, entry, refusals } = proposal
  const refusedBy = refusals.flatMap(({ signers }) => signers)
  const { hash, signers } = statement
  printJson({ height: entry.height, hash, inLog: isInLog, signers, refusedBy, ...(file !== undefined && { file }) })
}
