/** Waits until drained nodes have nothing left on them, and says how far they are. */
import { constants } from 'node:os'
import type { NodeView } from '../../model/api.ts'
import { CliError } from '../errors.ts'
import { count } from '../format.ts'
import { describeCordon } from '../views.ts'
import type { Stood } from './ask.ts'

/** Between two looks: a task more or less is told by then. */
const LOOK_MS = 500

/** What a look found. */
type Found = { readonly drained: true } | { readonly drained: false; readonly says: string }

/**
 * Looks until all of them are drained. Ctrl-C ends the wait, not the drain.
 * @throws CliError when a node was uncordoned meanwhile, or the wait was ended
 */
export async function waitUntilDrained(nodes: readonly Stood[], note: (text: string) => void): Promise<void> {
  const interrupted = new AbortController()
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => interrupted.abort(signal)
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    await Promise.all(nodes.map((node) => waitFor(node, note, interrupted.signal)))
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

async function waitFor(node: Stood, note: (text: string) => void, signal: AbortSignal): Promise<void> {
  let said = ''
  for (;;) {
    const found = await look(node)
    if (found.drained) return
    if (found.says !== said) note(`althing: ${node.label}: ${found.says}`)
    said = found.says
    if (!signal.aborted) await pause(signal)
    if (signal.aborted) throw stoppedBy(node, signal.reason as 'SIGINT' | 'SIGTERM')
  }
}

async function look({ client, label, view }: Stood): Promise<Found> {
  const node = await client.get<NodeView>(`/v1/nodes/${encodeURIComponent(view.node)}`)
  const { cordon, state, tasks = 0 } = node
  if (state === 'offline') return { drained: false, says: 'is offline; waiting until it is back' }
  if (cordon === undefined) throw new CliError('uncordoned', `${label} was uncordoned meanwhile`)
  if (cordon.state === 'drained') return { drained: true }
  return { drained: false, says: `${describeCordon(cordon)}; ${count(tasks, 'task')} left` }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, LOOK_MS)
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

function stoppedBy({ label, view }: Stood, signal: 'SIGINT' | 'SIGTERM'): CliError {
  return new CliError('interrupted', `no longer waiting; ${label} stays cordoned, and its drain goes on`, {
    fix: `\`althing uncordon ${view.name}\` lets it take tasks again`,
    exitCode: 128 + constants.signals[signal],
  })
}
