/** `althing clusters`: the clusters that this daemon is in. */
import type { Command } from 'commander'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import { contextOf } from '../context.ts'
import { formatResources } from '../format.ts'
import { filled } from '../options.ts'
import type { Cell, Column } from '../table.ts'
import { shownWord } from '../terminal.ts'
import { cellOfState } from '../views.ts'

const COLUMNS: readonly Column[] = [
  { title: 'CLUSTER' },
  { title: 'STATE' },
  { title: 'NODES', align: 'right' },
  { title: 'RUNNING', align: 'right' },
  { title: 'RESERVED' },
  { title: 'NETWORK POLICY' },
  { title: 'ID' },
]

/** Adds the command. */
export function register(program: Command): void {
  const clusters = program
    .command('clusters')
    .summary('the clusters this daemon is in')
    .description(
      'List the clusters that this daemon is in, its first with a star. All share this machine: what one has ' +
        'reserved is not there for the others. Other commands are about the first, and with --in NAME about another. ' +
        'The same hash of a network policy in two clusters says that both agreed to it.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  althing clusters\n  althing join --beside althing-ticket-…\n  althing nodes --in partners\n' +
        '  althing run --in house,partners -- make',
    )
    .action(async (_options: object, command: Command) => {
      const { clientOf, json, printJson, printTable, note } = contextOf(command)
      const views = await clientOf(undefined).get<ClusterPlaceView[]>('/v1/clusters')
      if (json) return printJson(views)
      printTable(COLUMNS, views.map(rowOf))
      for (const { name, problem } of views) if (problem !== undefined) note(`althing: ${name}: ${problem}`)
    })
  clusters
    .command('forget')
    .summary('give up one that cannot be taken part in')
    .description(
      'Give up a cluster that this daemon cannot take part in, of which `althing clusters` says why. Its store is ' +
        'put away below left/ in the data directory, its key is removed. One that runs is left by ' +
        '`althing leave --in NAME`.',
    )
    .argument('<name>', 'as listed', filled('the name of a cluster'))
    .addHelpText('after', '\nExample:\n  althing clusters forget works')
    .action(async (name: string, _options: object, command: Command) => {
      const { clientOf, json, printJson, note } = contextOf(command)
      const views = await clientOf(undefined).delete<ClusterPlaceView[]>(`/v1/clusters/${encodeURIComponent(name)}`)
      if (json) printJson(views)
      else note(`althing: ${shownWord(name)} is given up`)
    })
}

function rowOf(place: ClusterPlaceView): Cell[] {
  const { name, first, id, problem, state = 'offline', cordon, nodes, running, reserved, networkPolicy } = place
  return [
    first ? { text: `${name} *`, style: 'bold' } : name,
    problem === undefined ? cellOfState({ state, cordon }) : { text: 'out', style: 'red' },
    nodes === undefined ? '-' : String(nodes),
    running === undefined ? '-' : String(running),
    reserved === undefined ? '-' : formatResources(reserved),
    networkPolicy === undefined ? '-' : `${networkPolicy.name} ${networkPolicy.sha256.slice(0, 12)}`,
    id?.slice(0, 16) ?? '-',
  ]
}
