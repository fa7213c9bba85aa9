/** `althing clusters`: the clusters that this daemon is in. */
import type { Command } from 'commander'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import { contextOf } from '../context.ts'
import { formatResources } from '../format.ts'
import type { Cell, Column } from '../table.ts'
import { styleOfNode } from '../views.ts'

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
  program
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
}

function rowOf({ name, first, id, problem, state, nodes, running, reserved, networkPolicy }: ClusterPlaceView): Cell[] {
  return [
    first ? { text: `${name} *`, style: 'bold' } : name,
    problem === undefined
      ? { text: state ?? '-', style: styleOfNode(state ?? 'offline') }
      : { text: 'out', style: 'red' },
    nodes === undefined ? '-' : String(nodes),
    running === undefined ? '-' : String(running),
    reserved === undefined ? '-' : formatResources(reserved),
    networkPolicy === undefined ? '-' : `${networkPolicy.name} ${networkPolicy.sha256.slice(0, 12)}`,
    id?.slice(0, 16) ?? '-',
  ]
}
