/** `althing gov`: what the admins of the cluster decide, and who of them signs it. */
import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { ClusterView, HistoryView } from '../../model/cluster.ts'
import type { ProposalView } from '../../model/proposal-view.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { count } from '../format.ts'
import { drawFields, type Field } from '../fields.ts'
import { unwritable } from '../files.ts'
import { AdminKey } from '../gov/admin.ts'
import { readHistory, readHistoryFile, type ReadHistory } from '../gov/history.ts'
import { describeChange, proposalOf } from '../gov/proposal.ts'
import { proposalLines, registerProposals } from '../gov/offered.ts'
import { registerSigning } from '../gov/signing.ts'
import { filled } from '../options.ts'

const file = filled('the path of a file')

/** Adds the command. */
export function register(program: Command): void {
  const gov = program
    .command('gov')
    .summary('what the admins of the cluster decide')
    .description(
      'The governance of the cluster: its log, and decisions that admins sign together. A proposal goes to all ' +
        'members, where the other admins find it; it is a file, too, that can be handed from admin to admin.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing gov log\n  althing gov propose --enroll 12D3KooW…\n' +
        '  althing gov proposals\n  althing gov sign 3f9a12cd04b7',
    )
  gov
    .command('key')
    .summary("print the id of this machine's admin key")
    .description("Print the id of this machine's admin key, made on first use. It needs no daemon.")
    .addHelpText('after', '\nExample:\n  althing gov key')
    .action((_options: object, command: Command) => {
      const { paths, json, printJson, print } = contextOf(command)
      const { id } = AdminKey.in(paths.dataDir)
      if (json) printJson({ id })
      else print(id)
    })
  gov
    .command('log')
    .summary('print what was decided')
    .description('Print who decides, what was decided, and whether other members confirmed it lately.')
    .option('--export <file>', 'write all that was signed to a file, for `althing gov verify`', file)
    .addHelpText('after', '\nExamples:\n  althing gov log\n  althing gov log --export history.json')
    .action(async ({ export: path }: { export?: string }, command: Command) => {
      const context = contextOf(command)
      const view = await context.client.get<ClusterView>('/v1/cluster')
      const history = await context.client.get<HistoryView>('/v1/governance')
      if (path !== undefined) save(path, history)
      const proposals = await context.client.get<ProposalView[]>('/v1/proposals')
      showLog(context, view, readHistory(history, Date.now()), proposals)
    })
  gov
    .command('verify')
    .summary('verify an exported log, from the genesis on')
    .description(
      'Verify a file of `althing gov log --export` from the genesis on, trusting nothing else. It needs no daemon. ' +
        'Compare the cluster id it prints with the one you know, or give that.',
    )
    .argument('<file>', 'as `althing gov log --export` wrote it', file)
    .option('--cluster <id>', 'the id that the cluster must have', filled('the id of a cluster, 64 hex digits'))
    .addHelpText('after', '\nExample:\n  althing gov verify history.json --cluster 3f9a…')
    .action((path: string, { cluster }: { cluster?: string }, command: Command) =>
      verify(contextOf(command), path, cluster),
    )
  registerProposals(gov)
  registerSigning(gov)
}

function save(path: string, history: HistoryView): void {
  try {
    writeFileSync(path, `${JSON.stringify(history)}\n`)
  } catch (error) {
    throw unwritable(path, error)
  }
}

function showLog(
  { json, printJson, print, paint }: Context,
  view: ClusterView,
  history: ReadHistory,
  proposals: readonly ProposalView[],
): void {
  const entries = entriesOf(history)
  if (json) return printJson({ ...view, entries, proposals })
  const { fork, halted, admins, recovery, enrollers } = view
  const fields: Field[] = [
    ['cluster', `${view.name}, ${count(view.members, 'member')}`],
    ['id', view.id],
    ['open', view.open ? { text: 'YES: anybody links, every node runs tasks of anybody', style: 'red' } : 'no'],
    ['admins', [`${admins.threshold} of ${admins.keys.length} decide:`, ...admins.keys]],
    ['recovery', [`${recovery.threshold} of ${recovery.keys.length} can replace them:`, ...recovery.keys]],
    ['enrollers', [...enrollers]],
    ['head', `${view.height} ${view.head}`],
    [
      'confirmed',
      view.fresh
        ? `yes, by ${view.witnesses} other members`
        : {
            text: `NO: by ${view.witnesses} of ${view.witnessesNeeded} members; takes no work of others`,
            style: 'red',
          },
    ],
    [
      'FORKED',
      fork && {
        text: `after ${fork.parent}: ${fork.doubleSigners.join(', ')} signed twice; nothing is decided`,
        style: 'red',
      },
    ],
    [
      'HALTED',
      halted && { text: `an entry of kind ${halted.kind} is not known to this version: upgrade`, style: 'red' },
    ],
  ]
  print(drawFields(fields, paint))
  for (const { height, at, kind, signers, change } of entries) {
    print(`\n${height}  ${at}  ${kind}, signed by ${signers.length}`)
    for (const line of change) print(`   ${line}`)
  }
  for (const proposal of proposals) for (const line of proposalLines(proposal)) print(line)
}

function entriesOf({ state: { log } }: ReadHistory) {
  return log.chain.slice(1).map((hash) => {
    const { statement, entry, change } = log.placed.get(hash)!
    const at = new Date(entry.atMs).toISOString()
    const { height } = entry
    return {
      height,
      hash,
      at,
      kind: change.kind,
      signers: statement.signers,
      change: describeChange(proposalOf(statement).change),
    }
  })
}

function verify({ json, printJson, print, paint }: Context, path: string, cluster: string | undefined): void {
  const history = readHistoryFile(path, Date.now())
  const { state, refused, missing } = history
  const { log, roster } = state
  if (cluster !== undefined && cluster !== log.cluster) {
    throw new CliError('other-cluster', `the genesis in this file is that of another cluster: ${log.cluster}`, {
      fix: 'believe nothing in it; ask a member of your cluster for `althing gov log --export`',
    })
  }
  const height = log.chain.length - 1
  const bad = [...refused].map(([why, times]) => `${times} ${why}`)
  const result = { cluster: log.cluster, name: log.genesis.name, height, members: roster.members.size, refused: bad }
  if (json) printJson({ ...result, forked: log.fork !== undefined, ...(missing && { missing }) })
  else {
    print(
      drawFields(
        [
          ['cluster', log.genesis.name],
          ['id', log.cluster],
          ['entries', `${height}, each signed by enough admins`],
          ['members', String(roster.members.size)],
          ['FORKED', log.fork && { text: `after ${log.fork.parent}`, style: 'red' }],
          ['MISSING', missing && { text: `entry ${missing.height}, ${missing.hash}`, style: 'red' }],
          ['does not count', bad.length === 0 ? undefined : { text: bad.join(', '), style: 'yellow' }],
        ],
        paint,
      ),
    )
  }
  if (log.fork !== undefined) {
    throw new CliError('forked', 'the log is forked: two valid entries follow one', {
      fix: 'the recovery keys decide how it goes on: `althing gov recover`',
    })
  }
  if (missing !== undefined) {
    const { height: at, hash, waiting } = missing
    const why =
      waiting === 0
        ? 'members confirm it, and this ends before it'
        : `nothing after it counts, ${waiting} ${waiting === 1 ? 'entry' : 'entries'} here`
    throw new CliError('incomplete', `entry ${at} of the log, ${hash}, is missing: ${why}`, {
      fix: 'what it says up to there holds; ask another member for `althing gov log --export`',
    })
  }
}
