/** What the commands about cordons have in common: options, and how they tell what came of it. */
import { Argument, Option } from 'commander'
import { describeCordon } from '../../model/cordon-words.ts'
import { CORDON_LIMITS } from '../../model/defaults.ts'
import type { Context } from '../context.ts'
import { count } from '../format.ts'
import { checked, nodeArgument } from '../options.ts'
import { printable } from '../terminal.ts'
import type { Stood } from './ask.ts'

/** `[node]`: another one than that of the daemon. */
export function nodeToOperate(): Argument {
  return new Argument('[node]', 'another node: its name or peer id, or a part').argParser(nodeArgument)
}

/** `--reason`: shown to everybody who asks why the node takes nothing. */
export function reasonOption(): Option {
  const read = checked((text) => {
    if (text.trim() === '' || /\p{Cc}/u.test(text)) return 'expected a line of text, such as "kernel update"'
    return text.length > CORDON_LIMITS.reason ? `expected at most ${CORDON_LIMITS.reason} characters` : undefined
  })
  return new Option('--reason <text>', 'why, for all who ask; `althing nodes` and `why` show it').argParser(read)
}

/** How nodes stand, a line each. */
export function tell({ json, printJson, print }: Context, nodes: readonly Stood[]): void {
  if (json) return printJson(nodes.map(({ view }) => view))
  for (const { label, view } of nodes) print(printable(`${label}: ${describeStand(view)}`))
}

function describeStand({ cordon, tasks, leftOut }: Stood['view']): string {
  if (cordon === undefined) return 'takes tasks'
  const here = tasks.length + leftOut
  return `${describeCordon(cordon)}${here === 0 ? '' : `; ${count(here, 'task')} on it`}`
}
