/** `althing wards [WARD]`: the parts of a large mesh, and who is in one of them. */
import type { Command } from 'commander'
import type { WardNodesView, WardsView } from '../../model/ward-view.ts'
import { formatBytes, formatCpu } from '../../model/quantity.ts'
import { contextOf } from '../context.ts'
import { usageError } from '../errors.ts'
import { formatDuration } from '../format.ts'
import { filled, selector } from '../options.ts'
import type { Cell, Column } from '../table.ts'
import { shownWord } from '../terminal.ts'
import { NODE_COLUMNS, nodeRow } from './nodes.ts'

const COLUMNS: readonly Column[] = [
  { title: 'WARD' },
  { title: 'NODES', align: 'right' },
  { title: 'READY', align: 'right' },
  { title: 'CPU FREE', align: 'right' },
  { title: 'MEM FREE', align: 'right', whole: true },
  { title: 'DRIVERS' },
  { title: 'AGE', align: 'right' },
]

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('wards')
    .summary('the parts of a large mesh')
    .description(
      'List the wards that a mesh of more than a thousand is cut into, as they describe themselves; with the name of ' +
        'one the nodes in it, which are asked for. Exits 1 when nobody there answers, or not all can be told.',
    )
    .argument('[ward]', 'as listed, such as attic/01', filled('a ward, such as attic/01'))
    .option('-l, --selector <labels>', 'of one ward: only nodes with these labels: a=b,c in (d,e),!f', selector)
    .addHelpText('after', '\nExamples:\n  althing wards\n  althing wards attic/01 -l tier=web --json')
    .action(async (ward: string | undefined, { selector: labels }: { selector?: string }, command: Command) => {
      const { client, json, printJson, printTable, note } = contextOf(command)
      if (ward === undefined) {
        if (labels !== undefined)
          throw usageError('--selector is for the nodes of one ward: name that, such as attic/01')
        const view = await client.get<WardsView>('/v1/wards')
        if (json) return printJson(view)
        printTable(COLUMNS, view.wards.map(rowOf))
        if (view.movingTo !== undefined) note(`althing: this node is on its way from ${view.ward} to ${view.movingTo}`)
        else if (view.wards.length === 0)
          note('althing: the mesh is one; it is cut into wards when it has more members')
        return
      }
      const query = new URLSearchParams({ ward, ...(labels !== undefined && { selector: labels }) })
      const { told, nodes } = await client.get<WardNodesView>(`/v1/wards/nodes?${query.toString()}`)
      if (told !== 'all') process.exitCode = 1
      if (json) return printJson({ ward, told, nodes })
      printTable(NODE_COLUMNS, nodes.map(nodeRow))
      if (told === 'silent') note(`althing: nobody of ward ${shownWord(ward)} answers; shown is what was known before`)
      else if (told === 'partly') note(`althing: ward ${shownWord(ward)} has more nodes than could be told`)
    })
}

function rowOf({ ward, own, members, ready, free, drivers, ageMs, silent }: WardsView['wards'][number]): Cell[] {
  return [
    own ? { text: `${ward} *`, style: 'bold' } : silent ? { text: `${ward} silent`, style: 'yellow' } : ward,
    String(members),
    String(ready),
    formatCpu(free.cpuMilli),
    formatBytes(free.memoryBytes),
    drivers.join(','),
    formatDuration(ageMs),
  ]
}
