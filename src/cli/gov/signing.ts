/** The commands of `althing gov` by which something is proposed, signed, refused, and brought into the log. */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { isSignedBy } from '../../governance/authority.ts'
import type { ClusterView, HistoryView, OutcomesView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { makeStatement } from '../../wire/statement.ts'
import { ifThere } from '../client.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { each, checked, filled, integer, oneOf } from '../options.ts'
import { ADMIN_KEY, AdminKey, RECOVERY_KEY } from './admin.ts'
import { deadHere, deadProposal, decidingOf } from './dead.ts'
import { readHistory } from './history.ts'
import { findProposal, offer, proposalWord } from './offered.ts'
import { describeChange, fileOf, proposalOf, textIn, textOf, writeProposal, type Proposal } from './proposal.ts'
import { faultOfKey, keyList, OUT_HELP } from './words.ts'

const filePath = filled('the path of a file')
const key = each(checked(faultOfKey))
const KEEP = ['all', 'none'] as const

interface ProposeOptions {
  admins?: string[]
  threshold?: number
  enroll?: string[]
  withdraw?: string[]
  revoke?: string[]
  keep?: (typeof KEEP)[number]
  checkpoint?: boolean
  out?: string
}

/** Adds the commands. */
export function registerSigning(gov: Command): void {
  gov
    .command('propose')
    .summary('propose a change, and sign it')
    .description(
      'Propose a change upon the newest entry of the log, sign it with the admin key of this machine if there is ' +
        'one, and bring it into the log if that is enough. If it is not, the file goes on to the other admins.',
    )
    .option('--admins <ids>', 'who decides from then on', keyList)
    .option('--threshold <k>', 'and how many of them must sign (default: more than half)', integer(1, 16, 2))
    .option('--enroll <peer>', 'a node that may admit others from then on; may be given again', key)
    .option('--withdraw <peer>', 'a node that may not any more, for ever; may be given again', key)
    .option('--revoke <peer>', 'a member that is expelled for ever; may be given again', key)
    .option('--keep <what>', 'what those who may admit others have signed: `all` stays, or `none`', oneOf(KEEP))
    .option('--checkpoint', 'say again what holds')
    .option('--out <file>', OUT_HELP, filePath)
    .addHelpText(
      'after',
      '\nExamples:\n  althing gov propose --enroll 12D3KooW…\n' +
        '  althing gov propose --revoke 12D3KooW… --keep all --out p.json',
    )
    .action(async (options: ProposeOptions, command: Command) => {
      const context = contextOf(command)
      const view = await context.client.get<ClusterView>('/v1/cluster')
      const change = await changeOf(context, view, options)
      await begin(context, view, change, options.out)
    })
  gov
    .command('recover')
    .summary('name new admins with the recovery keys')
    .description(
      'Name new admins with the recovery keys: when too many of the old ones are lost, or the log is forked. Works ' +
        'as `propose`, with the recovery key of this machine.',
    )
    .requiredOption('--admins <ids>', 'who decides from then on', keyList)
    .option('--threshold <k>', 'and how many of them must sign (default: more than half)', integer(1, 16, 2))
    .option('--out <file>', OUT_HELP, filePath)
    .addHelpText('after', '\nExample:\n  althing gov recover --admins 12D3KooWA…,12D3KooWB…,12D3KooWC… --threshold 2')
    .action(async ({ admins, threshold, out }: ProposeOptions & { admins: string[] }, command: Command) => {
      const context = contextOf(command)
      const view = await context.client.get<ClusterView>('/v1/cluster')
      const change: Change = { kind: 'recover', admins: { keys: admins, threshold: threshold ?? majority(admins) } }
      await begin(context, view, change, out, RECOVERY_KEY)
    })
  gov
    .command('sign')
    .summary('sign a proposal')
    .description(
      'Sign a proposal with the admin key of this machine, and bring it into the log if it has enough signatures and ' +
        'a daemon of the cluster runs here. It is named by its id, as `althing gov proposals` lists those that other ' +
        'admins have made, or by its file. A key signs one proposal for one place in the log.',
    )
    .argument('<proposal>', 'its id, or its file', proposalWord)
    .option('--key <file>', 'another key than the admin key in the data directory', filePath)
    .option('--instead-of <proposal>', 'one for the same place that enough admins have refused', proposalWord)
    .addHelpText(
      'after',
      '\nExamples:\n  althing gov sign 3f9a12cd04b7\n  althing gov sign p.json --key /media/usb/admin.key',
    )
    .action(
      async (word: string, { key: keyFile, insteadOf }: { key?: string; insteadOf?: string }, command: Command) => {
        const context = contextOf(command)
        const { proposal, path } = await findProposal(context, word)
        const dead = insteadOf === undefined ? undefined : await deadProposal(context, insteadOf)
        await sign(context, proposal, path, keyOf(context, proposal, keyFile), dead)
      },
    )
  gov
    .command('refuse')
    .summary('promise never to sign a proposal')
    .description(
      'Promise never to sign a proposal, which is named by its id or its file. When it cannot get enough signatures ' +
        'any more, those who have signed it are free to sign another.',
    )
    .argument('<proposal>', 'its id, or its file', proposalWord)
    .option('--key <file>', 'another key than the admin key in the data directory', filePath)
    .addHelpText('after', '\nExamples:\n  althing gov refuse 3f9a12cd04b7\n  althing gov refuse p.json')
    .action(async (word: string, { key: keyFile }: { key?: string }, command: Command) => {
      const context = contextOf(command)
      const { proposal, path } = await findProposal(context, word)
      const { statement, entry, refusals } = proposal
      const refusal = keyOf(context, proposal, keyFile).refuse(statement, entry.cluster, entry.parent)
      const others = refusals.filter(({ hash }) => hash !== refusal.hash)
      const refused = { ...proposal, refusals: [...others, refusal] }
      if (path !== undefined) writeProposal(path, refused)
      context.note(`althing: refused; ${others.length + 1} have refused it`)
      await keptUnless(context, refused, path, () => offer(context, refused))
    })
}

function majority(keys: readonly string[]): number {
  return Math.floor(keys.length / 2) + 1
}

async function changeOf(context: Context, view: ClusterView, options: ProposeOptions): Promise<Change> {
  const { admins, threshold, enroll = [], withdraw = [], revoke, checkpoint } = options
  const wanted = [admins, enroll.length + withdraw.length > 0 || undefined, revoke, checkpoint]
  if (wanted.filter((one) => one !== undefined).length !== 1) {
    throw usageError('give one change: --admins, --enroll or --withdraw, --revoke, or --checkpoint')
  }
  if (admins !== undefined)
    return { kind: 'admins', admins: { keys: admins, threshold: threshold ?? majority(admins) } }
  if (checkpoint === true) return { kind: 'checkpoint', state: view.state }
  const losing = [...withdraw, ...(revoke ?? []).filter((peer) => view.enrollers.includes(peer))]
  const keep = losing.length === 0 ? [] : await kept(context, losing, options.keep)
  return revoke !== undefined
    ? { kind: 'revoke', nodes: revoke, keep }
    : { kind: 'enrollers', add: enroll, remove: withdraw, keep }
}

/** What enrollers signed that is to stay. */
async function kept({ client }: Context, losing: readonly string[], keep: ProposeOptions['keep']): Promise<string[]> {
  if (keep === undefined) {
    throw usageError(
      `${losing.join(', ')} may admit others: say with --keep all or --keep none what becomes of those it admitted`,
      '`all` keeps whom it admitted; `none` expels them, for an enroller whose key was stolen',
    )
  }
  if (keep === 'none') return []
  const { state } = readHistory(await client.get<HistoryView>('/v1/governance'), Date.now())
  return [...state.statements.values()].filter(({ signer }) => losing.includes(signer)).map(({ hash }) => hash)
}

/** Proposes a change upon the newest entry: signs it here if a key is here, and brings it in if that is enough. */
export async function begin(
  context: Context,
  view: ClusterView,
  change: Change,
  out: string | undefined,
  keyName = ADMIN_KEY,
): Promise<void> {
  const body = { cluster: view.id, height: view.height + 1, parent: view.head, atMs: Date.now(), change }
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

/** For programs: which entry it is or would be, and what is still missing. */
function tell(
  { json, printJson }: Context,
  { statement, entry }: Proposal,
  { isInLog, file }: { readonly isInLog: boolean; readonly file: string | undefined },
): void {
  const { hash, signers } = statement
  if (json) printJson({ height: entry.height, hash, inLog: isInLog, signers, ...(!isInLog && file && { file }) })
}

function keyOf({ paths }: Context, { change }: Proposal, keyFile: string | undefined): AdminKey {
  const path = keyFile ?? join(paths.dataDir, change.kind === 'recover' ? RECOVERY_KEY : ADMIN_KEY)
  if (!existsSync(path)) {
    throw new CliError('no-key', `there is no key at ${path}`, { fix: 'give one with --key FILE' })
  }
  return new AdminKey(path)
}

async function sign(
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
 * made the rival counts on it. Where no daemon of the cluster answers nobody here knows. @throws CliError `not-next`
 */
async function refuseDecided({ client }: Context, { entry }: Proposal): Promise<void> {
  const view = await client.get<ClusterView>('/v1/cluster').catch(() => undefined)
  if (view === undefined || view.id !== entry.cluster || view.height < entry.height) return
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
async function keptUnless(
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
