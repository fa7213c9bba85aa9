/** How a change is decided: proposed, signed by a key here, and brought into the log or to those who sign next. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isSignedBy } from '../../governance/authority.ts'
import type { ClusterView, HistoryView, OutcomesView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { makeStatement } from '../../wire/statement.ts'
import { ifThere } from '../client.ts'
import type { Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { ADMIN_KEY, AdminKey } from './admin.ts'
import { deadHere, decidingOf } from './dead.ts'
import { readHistory } from './history.ts'
import { offer } from './offered.ts'
import { describeChange, fileOf, proposalOf, textIn, textOf, writeProposal, type Proposal } from './proposal.ts'

/** Upon which entry a change is proposed, and by which key. */
export interface Beginning {
  /** @default the newest entry */
  readonly upon?: { readonly height: number; readonly hash: string }
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
    const inLog = await sign(context, proposal, path, AdminKey.in(context.paths.dataDir, keyName), undefined)
    // What everybody has needs no file that nobody asked for.
    if (inLog && out === undefined) rmSync(path)
    return
  }
  writeProposal(path, proposal)
  context.note(`althing: wrote ${path}; no ${keyName} is on this machine: let the admins sign it`)
  tell(context, proposal, { isInLog: false, file: path })
}

/**
 * Signs a proposal with a key, and brings it as far as that goes.
 *
 * @param path where it lies, if it is a file
 * @param dead one that it is signed instead of
 * @returns whether it is in the log
 * @throws CliError
 */
export async function sign(
  context: Context,
  proposal: Proposal,
  path: string | undefined,
  signer: AdminKey,
  dead: string | undefined,
): Promise<boolean> {
  const { note } = context
  for (const line of describeChange(proposal.change)) note(`althing: ${line}`)
  for (const line of textIn(proposal.change)) note(`  ${line}`)
  await refuseDecided(context, proposal)
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
  tell(context, signed, { isInLog, file })
  return isInLog
}

/**
 * A signature for a place that is taken decides nothing, and forks the log if another admin's key was copied: whoever
 * made the rival counts on it. The recovery keys alone may begin anew at a place, once. Where no daemon of the cluster
 * answers nobody here knows. @throws CliError `not-next`
 */
async function refuseDecided({ client }: Context, { entry, change }: Proposal): Promise<void> {
  const view = await client.get<ClusterView>('/v1/cluster').catch(() => undefined)
  if (view === undefined || view.id !== entry.cluster || view.height < entry.height) return
  if (change.kind === 'recover') {
    const { log } = readHistory(await client.get<HistoryView>('/v1/governance'), Date.now()).state
    if (log.placed.get(log.chain[entry.height]!)?.change.kind !== 'recover') return
  }
  throw new CliError('not-next', `entry ${entry.height} of the log is decided already; nothing was signed`, {
    fix: 'see `althing gov log`; what is still wanted is proposed anew, upon the newest entry',
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
function tell(
  { json, printJson }: Context,
  { statement, entry }: Proposal,
  { isInLog, file }: { readonly isInLog: boolean; readonly file: string | undefined },
): void {
  const { hash, signers } = statement
  if (json) printJson({ height: entry.height, hash, inLog: isInLog, signers, ...(!isInLog && file && { file }) })
}
