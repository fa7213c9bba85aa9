/** `althing invite`: a ticket by which one node can join. */
import type { Command } from 'commander'
import type { TicketView } from '../../model/cluster.ts'
import { Role } from '../../model/governance.ts'
import { contextOf } from '../context.ts'
import { formatDuration } from '../format.ts'
import { faultOfKey, faultOfLabelName } from '../gov/words.ts'
import { checked, duration } from '../options.ts'

interface Options {
  for?: string
  ttl?: number
  owner?: string
  roles?: string[]
  membership?: number
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('invite')
    .summary('make a ticket by which one node can join')
    .description(
      'Make a ticket by which one node can join the cluster, once, and print it. Whoever has it can use it: hand it ' +
        'over as you would a password. It is redeemed here, at a door of its own that is open while a ticket is live.',
    )
    .option('--for <peer>', 'the one node that may use it, by its peer id', checked(faultOfKey))
    .option('--ttl <duration>', 'how long it can be used (default: 1h)', duration(1_000, 7 * DAY_MS))
    .option('--owner <name>', 'whose machine it is for (default: the owner of this one)', checked(faultOfLabelName))
    .option('--roles <roles>', 'worker, submitter, or both with a comma (default: both)', roles)
    .option(
      '--membership <duration>',
      'how long the membership holds until it is renewed (default: 365d)',
      duration(60_000, 3650 * DAY_MS),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing invite\n  althing invite --for 12D3KooW… --ttl 10m\n  althing invite --owner bob --json',
    )
    .action(async ({ for: peer, ttl, owner, roles: wanted, membership }: Options, command: Command) => {
      const { client, json, printJson, print, note } = contextOf(command)
      const made = await client.post<TicketView>('/v1/tickets', {
        ...(peer !== undefined && { for: peer }),
        ...(ttl !== undefined && { ttlMs: ttl }),
        ...(owner !== undefined && { owner }),
        ...(wanted !== undefined && { roles: wanted }),
        ...(membership !== undefined && { membershipMs: membership }),
      })
      if (json) return printJson(made)
      print(made.ticket)
      note(`althing: lets one node in within ${formatDuration(made.expiresAtMs - Date.now())}: althing join TICKET`)
      note(`althing: it comes to ${made.addresses.join(', ')}`)
    })
}

function roles(text: string): string[] {
  const words = text.split(',').map((word) => word.trim())
  if (words.every((word) => Role.safeParse(word).success)) return [...new Set(words)]
  throw new Error(`expected ${Role.options.join(' or ')}, or both with a comma`)
}
