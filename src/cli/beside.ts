/** `--beside`, of the commands that bring a daemon into a cluster: one more, beside those it is in. */
import type { MovedView } from '../model/cluster.ts'
import type { Context } from './context.ts'
import { usageError } from './errors.ts'
import { untilBack } from './moved.ts'

/** What the option is for. */
export const BESIDE = 'be in it beside the clusters that the daemon is in, with another key'
/** What the other one is for. */
export const AS = 'with --beside: how it is called on this machine (default: its own name)'

/** As parsed. */
export interface BesideOptions {
  beside?: boolean
  as?: string
}

/** What a request says of it. @throws CliError usage */
export function besideOf({ beside = false, as }: BesideOptions): { beside: boolean; as?: string } {
  if (as !== undefined && !beside)
    throw usageError('--as says nothing without --beside: the first cluster goes by its own name', 'add --beside')
  return { beside, ...(as !== undefined && { as }) }
}

/** Waits until the daemon is ready in the cluster it has come into, and says so. @throws CliError `not-back` */
export async function tellBeside(
  { clientOf, json, printJson, note }: Context,
  moved: MovedView,
  what: 'joined' | 'founded',
): Promise<void> {
  const status = await untilBack(clientOf(moved.cluster), () => true)
  if (json) return printJson({ ...moved, state: status.state, addresses: status.addresses })
  note(`althing: ${what} ${moved.cluster}, id ${moved.id}; this machine is ${moved.peerId} there`)
  note(`althing: for what is about it: --in ${moved.cluster}; all of them: althing clusters`)
}
