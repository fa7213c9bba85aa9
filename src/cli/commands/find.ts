/** `althing find CAPABILITY`: who can do something. */
import type { Command } from 'commander'
import type { FoundView } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { formatRatio } from '../format.ts'
import { filled, selector } from '../options.ts'
import type { Column } from '../table.ts'
import { styleOfNode } from '../views.ts'

const COLUMNS: readonly Column[] = [
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'LOAD', align: 'right' },
  { title: 'PASSPORT' },
  { title: 'PEER' },
]

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('find')
    .summary('nodes by capability')
    .description('Find the nodes that offer a capability, least loaded first. Exits 1 with the reasons when none does.')
    .argument('<capability>', 'as named in a passport', filled('a capability, such as write_article'))
    .option('-l, --selector <labels>', 'only those with these labels: a=b,c in (d,e),!f', selector)
    .addHelpText('after', '\nExample:\n  althing find write_article -l zone=attic')
    .action(async (capability: string, options: { selector?: string }, command: Command) => {
      const { client, json, printJson, printTable } = contextOf(command)
      const query =
        options.selector === undefined ? '' : `?${new URLSearchParams({ selector: options.selector }).toString()}`
      const found = await client.get<FoundView>(`/v1/capabilities/${encodeURIComponent(capability)}${query}`)
      if (json) return printJson(found)
      const rows = found.matches.map(({ node, state, cpuRatio, peerId, passport }) => [
        node,
        { text: state, style: styleOfNode(state) },
        formatRatio(cpuRatio),
        passportName(passport),
        peerId,
      ])
      printTable(COLUMNS, rows)
    })
}

/** Passports come as published, from anyone: nothing about their shape is sure here. */
function passportName(passport: unknown): string {
  const name = (passport as { metadata?: { name?: unknown } } | null)?.metadata?.name
  return typeof name === 'string' ? name : '-'
}
