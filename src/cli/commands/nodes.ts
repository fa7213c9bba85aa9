/** `althing nodes`: who is there. */
import type { Command } from 'commander'
import type { QuarantineProofView } from '../../model/quarantine-view.ts'
import type { NodeView } from '../../model/api.ts'
import type { WardsView } from '../../model/ward-view.ts'
import { formatBytes, formatCpu } from '../../model/quantity.ts'
import { zoneLabel } from '../../model/zones.ts'
import { contextOf } from '../context.ts'
import { formatDuration, formatRatio } from '../format.ts'
import { selector } from '../options.ts'
import type { Cell, Column } from '../table.ts'
import { shownWord } from '../terminal.ts'
import { cellOfState } from '../views.ts'

/** Columns of a list of nodes. */
export const NODE_COLUMNS: readonly Column[] = [
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'ZONE' },
  { title: 'CPU', align: 'right' },
  { title: 'CPU FREE', align: 'right' },
  { title: 'MEM', align: 'right', whole: true },
  { title: 'MEM FREE', align: 'right', whole: true },
  { title: 'LOAD', align: 'right' },
  { title: 'TASKS', align: 'right' },
  { title: 'AGE', align: 'right' },
]

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('nodes')
    .summary('who is there')
    .description('List the machines of the mesh: state, CPU, memory, load, and the age of the last heartbeat.')
    .option('-l, --selector <labels>', 'only those with these labels: a=b,c in (d,e),!f', selector)
    .option('--all', 'also those offline')
    .addHelpText('after', '\nExamples:\n  althing nodes -l zone=attic\n  althing nodes --all --json')
    .action(async ({ selector: labels, all }: { selector?: string; all?: boolean }, command: Command) => {
      const { client, json, printJson, printTable, note, paint } = contextOf(command)
      const query = new URLSearchParams({
        ...(labels !== undefined && { selector: labels }),
        ...(all === true && { all: 'true' }),
      })
      const nodes = await client.get<NodeView[]>(`/v1/nodes?${query.toString()}`)
      if (json) return printJson(nodes)
      printTable(NODE_COLUMNS, nodes.map(nodeRow))
      const [proofs, { wards }] = await Promise.all([
        client.get<QuarantineProofView[]>('/v1/quarantined'),
        client.get<WardsView>('/v1/wards'),
      ])
      for (const { peer, name } of proofs)
        note(paint('red', `althing: ${name || peer} is quarantined: it signed two records under one number`))
      const others = wards.filter(({ own }) => !own)
      const members = others.reduce((sum, one) => sum + one.members, 0)
      const where = others.length === 1 ? 'other ward' : 'other wards'
      if (others.length > 0) note(`althing: ${members} more in ${others.length} ${where}, see \`althing wards\``)
      if (nodes.length === 0 && labels !== undefined) {
        note(`althing: no node has the labels ${shownWord(labels)}; without -l all are listed`)
      }
    })
}

/** One of them. */
export function nodeRow(node: NodeView): Cell[] {
  const { capacity, free } = node
  return [
    node.self ? { text: `${node.name} *`, style: 'bold' } : node.name,
    node.suspect ? { text: 'suspect', style: 'yellow' } : cellOfState(node),
    zoneLabel(node.labels) ?? '-',
    capacity === undefined ? '-' : formatCpu(capacity.cpuMilli),
    free === undefined ? '-' : formatCpu(free.cpuMilli),
    capacity === undefined ? '-' : formatBytes(capacity.memoryBytes),
    free === undefined ? '-' : formatBytes(free.memoryBytes),
    formatRatio(node.cpuRatio),
    node.tasks === undefined ? '-' : String(node.tasks),
    node.heartbeatAgeMs === undefined ? '-' : formatDuration(node.heartbeatAgeMs),
  ]
}
