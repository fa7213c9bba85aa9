/** `althing topology`: where everybody is. */
import type { Command } from 'commander'
import type { PlaceView, TopologyView } from '../../model/topology-view.ts'
import { formatBytes } from '../../model/quantity.ts'
import { contextOf } from '../context.ts'
import { drawDot } from '../dot.ts'
import { usageError } from '../errors.ts'
import { formatDomain, formatRtt } from '../format.ts'
import type { Cell, Column } from '../table.ts'
import { styleOfNode } from '../views.ts'

const COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'REGION' },
  { title: 'ZONE' },
  { title: 'RTT', align: 'right', whole: true },
  { title: 'BASIS' },
  { title: 'RECEIVE', align: 'right', whole: true },
  { title: 'SEND', align: 'right', whole: true },
]

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('topology')
    .summary('where everybody is: zones, round trips, bandwidth')
    .description(
      'Show zone and region of each node, the round trip to it from this one, and how fast bundles went. A name ' +
        'that begins with ~ is inferred from distances, where no label says more. Round trips are measured, or ' +
        'estimated from network coordinates, with the error to be expected.',
    )
    .option('--dot', 'print a graph for Graphviz')
    .addHelpText(
      'after',
      '\nExamples:\n  althing topology\n  althing topology --json\n' +
        '  althing topology --dot | neato -Tsvg > mesh.svg\n\n' +
        'Zones are named by the labels topology.kubernetes.io/zone or zone, regions by\n' +
        'topology.kubernetes.io/region or region: althing up --label zone=attic',
    )
    .action(async ({ dot }: { dot?: boolean }, command: Command) => {
      const { client, json, print, printJson, printTable } = contextOf(command)
      if (dot === true && json) throw usageError('--dot and --json do not go together', 'give one of them')
      const view = await client.get<TopologyView>('/v1/topology')
      if (json) printJson(view)
      else if (dot === true) print(drawDot(view))
      else printTable(COLUMNS, view.nodes.toSorted(byPlace).map(rowOf))
    })
}

/** Region by region, zone by zone, the nearest first; those of whom nothing is known last. */
function byPlace(a: PlaceView, b: PlaceView): number {
  const [mine, theirs] = [a, b].map(({ region, zone }) => `${region?.name ?? '\uffff'}\n${zone?.name ?? '\uffff'}`)
  if (mine !== theirs) return mine! < theirs! ? -1 : 1
  return (a.rtt?.ms ?? Infinity) - (b.rtt?.ms ?? Infinity) || (a.name < b.name ? -1 : 1)
}

function rowOf({ name, self, state, region, zone, rtt, receive, send }: PlaceView): Cell[] {
  const speed = (one: PlaceView['send']) => (one === undefined ? '-' : `${formatBytes(one.bytesPerSecond)}/s`)
  return [
    self ? { text: `${name} *`, style: 'bold' } : name,
    { text: state, style: styleOfNode(state) },
    formatDomain(region) ?? '-',
    formatDomain(zone) ?? '-',
    rtt === undefined || self ? '-' : formatRtt(rtt),
    rtt === undefined || self ? '-' : rtt.source,
    speed(receive),
    speed(send),
  ]
}
