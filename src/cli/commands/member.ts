/** `althing member`: who belongs to the cluster. */
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import type { MemberView, MovedView } from '../../model/cluster.ts'
import { contextOf, type Context } from '../context.ts'
import { faultOfKey } from '../gov/words.ts'
import { untilBack } from '../moved.ts'
import { checked } from '../options.ts'
import type { Cell } from '../table.ts'

/** Adds the command. */
export function register(program: Command): void {
  const member = program
    .command('member')
    .summary('who belongs to the cluster')
    .description('Who belongs to the cluster: list, expel, and the key of this node itself.')
    .addHelpText('after', '\nExamples:\n  althing member list\n  althing member revoke 12D3KooW… --reason stolen')
  member
    .command('list')
    .summary('print the members')
    .description('Print who belongs to the cluster, and who does not any more.')
    .option('-a, --all', 'also those that are gone')
    .addHelpText('after', '\nExamples:\n  althing member list\n  althing member list --all --json')
    .action(async ({ all = false }: { all?: boolean }, command: Command) => {
      const context = contextOf(command)
      show(context, await context.client.get<MemberView[]>('/v1/members'), all)
    })
  member
    .command('revoke')
    .summary('expel a member for ever')
    .description('Expel a member for ever: its links are cut at once, and its key never comes back.')
    .argument('<peer>', 'its peer id, as `althing member list` prints it', checked(faultOfKey))
    .option('--reason <text>', 'why, for the others', '')
    .addHelpText('after', '\nExample:\n  althing member revoke 12D3KooW… --reason stolen')
    .action(async (peer: string, { reason }: { reason: string }, command: Command) => {
      const context = contextOf(command)
      const members = await context.client.post<MemberView[]>(`/v1/members/${peer}/revoke`, { reason })
      show(context, members, true)
    })
  member
    .command('rotate')
    .summary('give this node another key')
    .description(
      'Give this node another key, which takes the place of the present one; that one is out for ever. Wait for its ' +
        'tasks first, or cancel them.',
    )
    .addHelpText('after', '\nExample:\n  althing member rotate')
    .action(async (_options: object, command: Command) => {
      const { client, json, printJson, note } = contextOf(command)
      const moved = await client.post<MovedView>('/v1/cluster/rotate')
      await untilBack(client, ({ peerId }: StatusView) => peerId === moved.peerId)
      if (json) return printJson(moved)
      note(`althing: this node is ${moved.peerId} from now on`)
    })
}

function show({ json, printJson, printTable }: Context, members: readonly MemberView[], all: boolean): void {
  const shown = all ? members : members.filter(({ state }) => state !== 'gone')
  if (json) return printJson(shown)
  const rows = shown.map(({ peerId, state, owner, roles, enroller, notAfterMs, self }): Cell[] => [
    peerId,
    stateCell(state, self),
    owner ?? '-',
    [...(roles ?? []), ...(enroller ? ['enroller'] : [])].join(', ') || '-',
    notAfterMs === undefined ? '-' : new Date(notAfterMs).toISOString().slice(0, 10),
  ])
  printTable(
    [{ title: 'PEER', whole: true }, { title: 'STATE' }, { title: 'OWNER' }, { title: 'ROLES' }, { title: 'UNTIL' }],
    rows,
  )
}

function stateCell(state: MemberView['state'], self: boolean): Cell {
  const text = `${state}${self ? ', this node' : ''}`
  if (state === 'member') return text
  return { text, style: state === 'quarantined' ? 'red' : 'yellow' }
}
