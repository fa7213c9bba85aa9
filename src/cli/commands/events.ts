/** `althing events`: what happens, as it happens. */
import type { Command } from 'commander'
import type { MeshEvent } from '../../model/api.ts'
import { contextOf } from '../context.ts'
import { formatClock } from '../format.ts'
import { readEvents } from '../streams.ts'
import { printable, type Paint } from '../terminal.ts'

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('events')
    .summary('what happens, as it happens')
    .description('Print what happens in the mesh, until interrupted or the daemon ends.')
    .addHelpText('after', '\nExamples:\n  althing events\n  althing events --json')
    .action(async (_options: object, command: Command) => {
      const { client, json, print, paint } = contextOf(command)
      const response = await client.open('/v1/events')
      for await (const event of readEvents(response)) {
        if (json) print(JSON.stringify(event))
        else print(describeEvent(event, paint))
      }
    })
}

function describeEvent({ atMs, type, subject, what, node }: MeshEvent, paint: Paint): string {
  const where = node === undefined ? '' : ` (${node})`
  return `${paint('dim', formatClock(atMs))}  ${type.padEnd(8)}  ${printable(`${subject} ${what}${where}`)}`
}
