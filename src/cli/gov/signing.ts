/** The commands of `althing gov` by which something is proposed, signed, refused, and brought into the log. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { ClusterView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { each, checked, filled, integer, oneOf } from '../options.ts'
import { ADMIN_KEY, AdminKey, RECOVERY_KEY } from './admin.ts'
import { deadProposal } from './dead.ts'
import { begin, keptUnless, majority, sign, tell } from './deciding.ts'
import { readHistoryHere } from './history.ts'
import { findProposal, offer, proposalWord } from './offered.ts'
import { writeProposal, type Proposal } from './proposal.ts'
import { registerRecover } from './recover.ts'
import { entryHeight } from './undoing.ts'
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

interface SignOptions {
  readonly key?: string
  readonly insteadOf?: string
  readonly after?: number
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
  registerRecover(gov)
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
    .option('--after <n>', 'of a recovery that undoes something: the last entry that goes on to count', entryHeight)
    .addHelpText(
      'after',
      '\nExamples:\n  althing gov sign 3f9a12cd04b7\n  althing gov sign p.json --key /media/usb/admin.key',
    )
    .action(async (word: string, { key: keyFile, insteadOf, after }: SignOptions, command: Command) => {
      const context = contextOf(command)
      const { proposal, path } = await findProposal(context, word)
      const dead = insteadOf === undefined ? undefined : await deadProposal(context, insteadOf)
      const signer = keyOf(context, proposal, keyFile)
      tell(context, await sign(context, proposal, { path, signer, dead, after }))
    })
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
      const file = await keptUnless(context, refused, path, () => offer(context, refused))
      tell(context, { proposal: refused, isInLog: false, file })
    })
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
async function kept(context: Context, losing: readonly string[], keep: ProposeOptions['keep']): Promise<string[]> {
  if (keep === undefined) {
    throw usageError(
      `${losing.join(', ')} may admit others: say with --keep all or --keep none what becomes of those it admitted`,
      '`all` keeps whom it admitted; `none` expels them, for an enroller whose key was stolen',
    )
  }
  if (keep === 'none') return []
  const { state } = await readHistoryHere(context)
  return [...state.statements.values()].filter(({ signer }) => losing.includes(signer)).map(({ hash }) => hash)
}

function keyOf({ paths }: Context, { change }: Proposal, keyFile: string | undefined): AdminKey {
  const path = keyFile ?? join(paths.dataDir, change.kind === 'recover' ? RECOVERY_KEY : ADMIN_KEY)
  if (!existsSync(path)) {
    throw new CliError('no-key', `there is no key at ${path}`, { fix: 'give one with --key FILE' })
  }
  return new AdminKey(path)
}
