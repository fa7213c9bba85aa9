/** `althing member`: who belongs to the cluster. */
import type { Command } from 'commander'
import type { NodeView, StatusView } from '../../model/api.ts'
import type { MemberView, MovedView } from '../../model/cluster.ts'
import { isPeerId } from '../../model/peer-id.ts'
import { contextOf, type Context } from '../context.ts'
import { CliError } from '../errors.ts'
import { untilBack } from '../moved.ts'
import { filled } from '../options.ts'
import type { Cell } from '../table.ts'
import { shownWord } from '../terminal.ts'

const memberWord = filled('a name or a peer id, as `althing member list` prints them')

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
      await show(context, await context.client.get<MemberView[]>('/v1/members'), all)
    })
  member
    .command('revoke')
    .summary('expel a member for ever')
    .description('Expel a member for ever: its links are cut at once, and its key never comes back.')
    .argument('<member>', 'its name or peer id, as `althing member list` prints them', memberWord)
    .option('--reason <text>', 'why, for the others', '')
    .addHelpText(
      'after',
      '\nExamples:\n  althing member revoke attic --reason stolen\n  althing member revoke 12D3KooW…',
    )
    .action(async (word: string, { reason }: { reason: string }, command: Command) => {
      const context = contextOf(command)
      const peer = await peerOf(context, word)
      const members = await context.client.post<MemberView[]>(`/v1/members/${peer}/revoke`, { reason })
      await show(context, members, true)
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

/** A member by its peer id, or by the name that it has given itself, if it is the only one. @throws CliError */
async function peerOf({ client }: Context, word: string): Promise<string> {
  if (isPeerId(word)) return word
  const named = (await client.get<NodeView[]>('/v1/nodes')).filter(({ name }) => name === word)
  const [only] = named
  if (only !== undefined && named.length === 1) return only.peerId
  const which = named.map(({ peerId }) => peerId).join(', ')
  throw only === undefined
    ? new CliError('not-found', `no node is called ${shownWord(word)}`, {
        fix: '`althing member list` prints names and peer ids',
      })
    : new CliError('ambiguous', `${named.length} nodes are called ${shownWord(word)}: ${which}`, {
        fix: 'give the peer id',
      })
}

async function show(context: Context, members: readonly MemberView[], all: boolean): Promise<void> {
  const { client, json, printJson, printTable } = context
  const nodes = await client.get<NodeView[]>('/v1/nodes')
  const names = new Map(nodes.map(({ peerId, name }) => [peerId, name]))
  const shown = all ? members : members.filter(({ state }) => state !== 'gone')
  if (json) {
    return printJson(shown.map((one) => (names.has(one.peerId) ? { ...one, name: names.get(one.peerId) } : one)))
  }
  const rows = shown.map(({ peerId, state, owner, roles, enroller, notAfterMs, self }): Cell[] => [
    names.get(peerId) ?? '-',
    peerId,
    stateCell(state, self),
    owner ?? '-',
    [...(roles ?? []), ...(enroller ? ['enroller'] : [])].join(', ') || '-',
    notAfterMs === undefined ? '-' : new Date(notAfterMs).toISOString().slice(0, 10),
  ])
  printTable(
    [
      { title: 'NAME' },
      { title: 'PEER', whole: true },
      { title: 'STATE' },
      { title: 'OWNER' },
      { title: 'ROLES' },
      { title: 'UNTIL' },
    ],
    rows,
  )
}

function stateCell(state: MemberView['state'], self: boolean): Cell {
  const text = `${state}${self ? ', this node' : ''}`
  if (state === 'member') return text
  return { text, style: state === 'quarantined' ? 'red' : 'yellow' }
}
