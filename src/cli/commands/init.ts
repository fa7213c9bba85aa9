/** `althing init`: founds a cluster. */
import { hostname, userInfo } from 'node:os'
import type { Command } from 'commander'
import type * as z from 'zod'
import type { StatusView } from '../../model/api.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { FoundRequest } from '../../model/cluster-requests.ts'
import { isSubdomain } from '../../model/label-grammar.ts'
import { AS, BESIDE, besideOf, tellBeside, type BesideOptions } from '../beside.ts'
import type { DaemonClient } from '../client.ts'
import { commandIn } from '../command-in.ts'
import { contextOf } from '../context.ts'
import { usageError } from '../errors.ts'
import { AdminKey, RECOVERY_KEY } from '../gov/admin.ts'
import { untilBack } from '../moved.ts'
import { checked, integer } from '../options.ts'
import { faultOfLabelName, keyList } from '../gov/words.ts'

interface Options extends BesideOptions {
  admins?: string[]
  threshold?: number
  recovery?: string[]
  recoveryThreshold?: number
  owner?: string
  open?: boolean
}

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('init')
    .summary('found a cluster')
    .description(
      'Found a cluster with this node as its first member. From then on nobody links but its members, whom ' +
        '`althing invite` lets in. Its admins decide together who may invite, and who else decides.',
    )
    .argument('[name]', 'what to call it (default: the name of this host)', checked(faultOfLabelName))
    .option(
      '--admins <ids>',
      'ids of the admins, as `althing gov key` prints them (default: the key of this machine)',
      keyList,
    )
    .option('--threshold <k>', 'how many of them must sign (default: more than half)', integer(1, 16, 2))
    .option(
      '--recovery <ids>',
      'ids that can name new admins when the old ones are lost (default: a new key here)',
      keyList,
    )
    .option('--recovery-threshold <k>', 'how many of those must sign (default: more than half)', integer(1, 16, 1))
    .option('--owner <name>', 'whose machine this is (default: your user name)', checked(faultOfLabelName))
    .option('--beside', BESIDE)
    .option('--as <name>', AS, checked(faultOfLabelName))
    .option('--open', 'let anybody in, and run tasks of anybody: for development only')
    .addHelpText(
      'after',
      '\nExamples:\n  althing init home\n  althing init lab --admins 12D3KooWA…,12D3KooWB…,12D3KooWC… --threshold 2\n' +
        '  althing init play --open',
    )
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const context = contextOf(command)
      const { client, clientOf, json, printJson, note, paths, paint } = context
      const place = besideOf(options)
      // Before keys are made that nobody would need.
      await client.get('/v1/status')
      const ownRecovery = options.recovery === undefined
      const admins = options.admins ?? [AdminKey.in(paths.dataDir).id]
      const recovery = options.recovery ?? [AdminKey.in(paths.dataDir, RECOVERY_KEY).id]
      const request: z.input<typeof FoundRequest> = {
        name: name ?? defaultName(hostname(), 'name'),
        admins,
        threshold: options.threshold ?? majority(admins),
        recovery,
        recoveryThreshold: options.recoveryThreshold ?? majority(recovery),
        owner: options.owner ?? defaultName(userInfo().username, '--owner'),
        open: options.open ?? false,
        ...place,
      }
      const moved = await client.post<MovedView>('/v1/cluster', request)
      if (options.beside === true) await tellBeside(context, moved, 'founded')
      else {
        // The first is called otherwise from now on.
        const status = await untilBack(clientOf(undefined), ({ cluster }) => cluster.endsWith(moved.id.slice(0, 16)))
        if (json) printJson({ ...moved, addresses: status.addresses })
        else note(`althing: founded ${moved.cluster}, id ${moved.id}`)
      }
      if (json) return
      const within = options.beside === true ? moved.cluster : undefined
      const invite = commandIn(within, 'invite')
      note(`althing: ${request.threshold} of ${admins.length} admins decide; this node admits others: ${invite}`)
      if (ownRecovery) {
        note(`althing: move ${paths.dataDir}/${RECOVERY_KEY} to a place apart: it can replace the admins`)
      }
      if (request.open) {
        note(paint('red', 'althing: OPEN: anybody links, and every node runs tasks of anybody'))
        note(`althing: on another host: ${await joinLine(clientOf(within))}`)
      }
    })
}

/** How a host without a ticket comes into an open cluster: by its tag, and an address that others can reach. */
async function joinLine(client: DaemonClient): Promise<string> {
  const { cluster, addresses } = await client.get<StatusView>('/v1/status')
  const reachable = addresses.find((address) => !/^\/ip4\/127\.|^\/ip6\/::1\//.test(address)) ?? addresses[0]
  return `althing up --cluster ${cluster} --join ${reachable ?? 'ADDRESS'}`
}

function majority(keys: readonly string[]): number {
  return Math.floor(keys.length / 2) + 1
}

function defaultName(text: string, option: string): string {
  const found = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
  if (isSubdomain(found)) return found
  throw usageError(`no ${option} can be made of ${JSON.stringify(text)}`, `give one, such as home`)
}
