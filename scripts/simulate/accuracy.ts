/** Many seeds of heavy loss and slow members, over all cores: whether anybody alive is held offline. */
import { constants, setPriority } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Accuracy } from '../../test/sim/membership/accuracy.ts'

/** What to run. */
export interface AccuracyRun {
  readonly from: number
  readonly seeds: number
  readonly size: number
  readonly minutes: number
  readonly loss: number
  readonly workers: number
  /** Leaves the machine to whoever else wants it. */
  readonly nice: boolean
  readonly json: boolean
}

/** What all seeds came to. */
export interface AccuracySummary {
  readonly from: number
  readonly seeds: number
  readonly falseOffline: number
  /** Seeds in which somebody was falsely held offline. */
  readonly failed: readonly number[]
  readonly suspects: number
  readonly pauses: number
  readonly accusations: number
  readonly refutations: number
  /** Mean of all seeds, and the most of one. */
  readonly bytesPerNodeSecond: number
  readonly mostBytesPerNodeSecond: number
  readonly steps: number
  readonly seconds: number
}

const WORKER = new URL('children/accuracy-worker.ts', import.meta.url)

/** Runs the seeds and prints each, in order, as soon as those before it are there. @returns whether nobody was held */
export async function runAccuracy(run: AccuracyRun): Promise<boolean> {
  // Threads that are started later inherit it; it is the thread's own on Linux.
  if (run.nice) setPriority(constants.priority.PRIORITY_LOW)
  const startMs = performance.now()
  const results: Accuracy[] = []
  const early = new Map<number, Accuracy>()
  await inWorkers(run, (result) => {
    early.set(result.seed, result)
    for (let next = early.get(run.from + results.length); next; next = early.get(run.from + results.length)) {
      early.delete(next.seed)
      results.push(next)
      const leftMs = ((performance.now() - startMs) / results.length) * (run.seeds - results.length)
      console.log(run.json ? JSON.stringify(next) : lineOf(next, results.length, run.seeds, leftMs))
    }
  })
  const summary = summarize(run.from, results, (performance.now() - startMs) / 1_000)
  console.log(run.json ? JSON.stringify({ summary }) : textOf(run, summary))
  return summary.falseOffline === 0
}

/**
 * Gives each worker a seed, and the next one when it is done.
 * @throws Error when a worker ends before its seed does
 */
async function inWorkers({ from, seeds, size, minutes, loss, workers }: AccuracyRun, take: (result: Accuracy) => void) {
  let next = from
  const one = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
        if (next < from + seeds) worker.postMessage({ seed: next++, size, minutes, loss })
        else resolve()
      }
      worker.on('message', (result: Accuracy) => {
        take(result)
        give()
      })
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`a worker has ended with ${code}; start again with --from`)))
      give()
    })
  const all = Array.from({ length: Math.min(workers, seeds) }, () => new Worker(WORKER))
  try {
    await Promise.all(all.map(one))
  } finally {
    await Promise.all(all.map((worker) => worker.terminate()))
  }
}

/** Adds up what the seeds came to. */
export function summarize(from: number, results: readonly Accuracy[], seconds: number): AccuracySummary {
  const sum = (of: (one: Accuracy) => number): number => results.reduce((total, one) => total + of(one), 0)
  return {
    from,
    seeds: results.length,
    falseOffline: sum(({ falseOffline }) => falseOffline),
    failed: results.flatMap(({ seed, falseOffline }) => (falseOffline > 0 ? [seed] : [])),
    suspects: sum(({ suspects }) => suspects),
    pauses: sum(({ pauses }) => pauses),
    accusations: sum(({ accusations }) => accusations),
    refutations: sum(({ refutations }) => refutations),
    bytesPerNodeSecond: Math.round(sum(({ bytesPerNodeSecond }) => bytesPerNodeSecond) / Math.max(1, results.length)),
    mostBytesPerNodeSecond: Math.max(0, ...results.map(({ bytesPerNodeSecond }) => bytesPerNodeSecond)),
    steps: sum(({ steps }) => steps),
    seconds: Math.round(seconds * 10) / 10,
  }
}

function lineOf(result: Accuracy, done: number, of: number, leftMs: number): string {
  const { seed, falseOffline, pauses, accusations, suspects, refutations, bytesPerNodeSecond, examples } = result
  const load = `${pauses} pauses, ${accusations} accusations, ${suspects} suspicions, ${refutations} refutations`
  const left = done === of ? '' : `; ${of - done} left, about ${Math.ceil(leftMs / 60_000)} min`
  const lines = [`seed ${seed}: ${falseOffline} falsely offline; ${load}; ${bytesPerNodeSecond} B/s a node${left}`]
  return [...lines, ...examples.map((example) => `  ${example}`)].join('\n')
}

function textOf({ size, minutes, loss }: AccuracyRun, summary: AccuracySummary): string {
  const { from, seeds, falseOffline, failed, suspects, pauses, accusations, refutations, seconds } = summary
  const { bytesPerNodeSecond, mostBytesPerNodeSecond } = summary
  return [
    `${size} members, ${minutes} minutes, ${loss} lost, ${seeds} seeds from ${from}: ${falseOffline} falsely offline`,
    `  ${pauses} pauses, ${accusations} accusations, ${suspects} suspicions, ${refutations} refutations`,
    `  ${bytesPerNodeSecond} B/s a node, ${mostBytesPerNodeSecond} in the seed with most; ${seconds} s`,
    ...(failed.length > 0 ? [`  again: npm run sim -- --membership --accuracy --seed ${failed[0]}`] : []),
  ].join('\n')
}
