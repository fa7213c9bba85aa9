/** `althing gov recover`: the recovery keys name new admins, and say from where on the log counts. */
import type { Command } from 'commander'
import type { ClusterView } from '../../model/cluster.ts'
import type { Change } from '../../model/governance.ts'
import { contextOf } from '../context.ts'
import { filled, integer } from '../options.ts'
import { RECOVERY_KEY } from './admin.ts'
import { begin, majority } from './deciding.ts'
import { readHistoryHere } from './history.ts'
import { entryHeight, placeAt } from './undoing.ts'
import { keyList, OUT_HELP } from './words.ts'

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
        'after that, expulsions too: when the admins of then were robbed, or the recovery keys have signed two ' +
        'things for one place. Whoever else has to sign names the entry, too: `gov sign --after`.',
    )
    .requiredOption('--admins <ids>', 'who decides from then on', keyList)
    .option('--threshold <k>', 'and how many of them must sign (default: more than half)', integer(1, 16, 2))
    .option('--after <n>', 'the last entry that goes on to count, 0 for none (default: the newest)', entryHeight)
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
      const upon = placeAt((await readHistoryHere(context)).state.log, after ?? view.height)
      await begin(context, view, change, out, { keyName: RECOVERY_KEY, upon })
    })
}
