/** Waits until drained nodes have nothing left on them, and says how far they are. */
import { constants } from 'node:os'
import { describeCordon } from '../../model/cordon-words.ts'
import type { OperationView } from '../../model/operation.ts'
import { ApiProblem, CliError } from '../errors.ts'
import { count } from '../format.ts'
import { printable } from '../terminal.ts'
import type { Stood } from './ask.ts'

/** Between two looks: a task more or less is told by then. */
const LOOK_MS = 500

/** What a look found. */
type Found = { readonly drained: OperationView } | { readonly says: string }

/**
 * Looks until all of them are drained. Ctrl-C ends the wait, not the drain.
 * @returns how they stand then. @throws CliError when a node was uncordoned meanwhile, or the wait was ended
 */
export async function waitUntilDrained(nodes: readonly Stood[], note: (text: string) => void): Promise<Stood[]> {
  const interrupted = new AbortController()
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => interrupted.abort(signal)
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await Promise.all(nodes.map((node) => waitFor(node, note, interrupted.signal)))
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

async function waitFor(node: Stood, note: (text: string) => void, signal: AbortSignal): Promise<Stood> {
  let said = ''
  for (;;) {
    const found = await look(node)
    if ('drained' in found) return { ...node, view: found.drained }
    if (found.says !== said) note(printable(`althing: ${node.label}: ${found.says}`))
    said = found.says
    if (!signal.aborted) await pause(signal)
    if (signal.aborted) throw stoppedBy(node, signal.reason as 'SIGINT' | 'SIGTERM')
  }
}

async function look({ look: ask, label }: Stood): Promise<Found> {
  try {
    const view = await ask()
    const { cordon, tasks, leftOut } = view
    if (cordon === undefined) throw new CliError('uncordoned', `${label} was uncordoned meanwhile`)
    if (cordon.state === 'drained') return { drained: view }
    return { says: `${describeCordon(cordon)}; ${count(tasks.length + leftOut, 'task')} left` }
  } catch (error) {
    // It is away for a moment, and its drain goes on meanwhile.
    if (error instanceof ApiProblem && error.code === 'conflict') return { says: error.message }
    throw error
  }
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
