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
      const members = await context.client.get<MemberView[]>('/v1/members')
      show(context, members, { names: await namesOf(context), all })
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
      // Asked for first: what comes after cannot be taken back.
      const names = await namesOf(context)
      const members = await context.client.post<MemberView[]>(`/v1/members/${peer}/revoke`, { reason })
      context.note(`althing: expelled ${peer}`)
      show(context, members, { names, all: true })
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

/** A member by its peer id, or by the whole of the name that it has given itself. @throws CliError */
async function peerOf({ client }: Context, word: string): Promise<string> {
  if (isPeerId(word)) return word
  // Those that have been silent for long are found, too; of several the daemon names each.
  const { name, peerId } = await client.get<NodeView>(`/v1/nodes/${encodeURIComponent(word)}`)
  if (name === word) return peerId
  throw new CliError('not-found', `no node is called ${shownWord(word)}; ${shownWord(name)} begins so`, {
    fix: 'give its whole name, or its peer id: who is expelled never comes back',
  })
}

/** What the nodes of members call themselves. */
async function namesOf({ client }: Context): Promise<ReadonlyMap<string, string>> {
  const nodes = await client.get<NodeView[]>('/v1/nodes?all=true')
  return new Map(nodes.map(({ peerId, name }) => [peerId, name]))
}

interface Shown {
  readonly names: ReadonlyMap<string, string>
  readonly all: boolean
}

function show({ json, printJson, printTable }: Context, members: readonly MemberView[], { names, all }: Shown): void {
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
