/** `althing gov recover`: the recovery keys name new admins, and say from where on the log counts. */
import type { Command } from 'commander'
import type { ClusterView, HistoryView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { filled, integer } from '../options.ts'
import { RECOVERY_KEY } from './admin.ts'
import { begin, majority, type Beginning } from './deciding.ts'
import { readHistory } from './history.ts'
import { keyList, OUT_HELP } from './words.ts'

/** No log is longer. */
const height = integer(0, 1_000_000, 7)

interface RecoverOptions {
  readonly admins: string[]
  readonly threshold?: number
  readonly after?: number
  readonly out?: string
}

/** Adds the command. */
export function registerRecover(gov: Command): void {
  gov
    .command('recover')
    .summary('name new admins with the recovery keys')
    .description(
      'Name new admins with the recovery keys: when too many of the old ones are lost, or the log is forked. Works ' +
        'as `propose`, with the recovery key of this machine. Upon an earlier entry it also undoes what was decided ' +
        'after that: when the admins of then were robbed, or the recovery keys have signed two things for one place.',
    )
    .requiredOption('--admins <ids>', 'who decides from then on', keyList)
    .option('--threshold <k>', 'and how many of them must sign (default: more than half)', integer(1, 16, 2))
    .option('--after <n>', 'the last entry that goes on to count, 0 for none (default: the newest)', height)
    .option('--out <file>', OUT_HELP, filled('the path of a file'))
    .addHelpText(
      'after',
      '\nExamples:\n  althing gov recover --admins 12D3KooWA…,12D3KooWB…,12D3KooWC… --threshold 2\n' +
        '  althing gov recover --admins 12D3KooWA… --after 7',
    )
    .action(async ({ admins, threshold, after, out }: RecoverOptions, command: Command) => {
      const context = contextOf(command)
      const view = await context.client.get<ClusterView>('/v1/cluster')
      const change: Change = { kind: 'recover', admins: { keys: admins, threshold: threshold ?? majority(admins) } }
      await begin(context, view, change, out, { keyName: RECOVERY_KEY, ...(await placeOf(context, view, after)) })
    })
}

/** Where it goes. @throws CliError where nothing there would end what is wrong */
async function placeOf(
  { client, note }: Context,
  view: ClusterView,
  after: number | undefined,
): Promise<Pick<Beginning, 'upon'>> {
  if (after === undefined && view.fork === undefined) return {}
  const { log } = readHistory(await client.get<HistoryView>('/v1/governance'), Date.now()).state
  const at = after ?? view.height
  const hash = log.chain[at]
  if (hash === undefined)
    throw usageError(`--after ${at}: the log has ${count(view.height, 'entry', 'entries')}`, 'see `althing gov log`')
  const recovered = (log.children.get(hash) ?? []).some((child) => log.placed.get(child)?.change.kind === 'recover')
  if (recovered) {
    throw new CliError('recovered', `the recovery keys have decided on entry ${at + 1} already`, {
      fix:
        at === 0
          ? 'there is no earlier place: found the cluster anew'
          : `go back further, with --after ${at - 1} or less, or go on from the newest entry`,
    })
  }
  const undone = view.height - at
  if (undone > 0)
    note(`althing: what was decided after entry ${at} counts no more: ${count(undone, 'entry', 'entries')}`)
  return { upon: { height: at, hash } }
}
