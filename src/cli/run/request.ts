/** Turns the options of `run` into the job to submit. */
import type * as z from 'zod'
import type { BundleAccepted } from '../../model/api.ts'
import type { JobRequest } from '../../model/job-request.ts'
import { DEFAULT_RESOURCES, TASK_LIMITS, type SPREAD_OVER, type TASK_ISOLATION } from '../../model/defaults.ts'
import { formatBytes } from '../../model/quantity.ts'
import { usageError } from '../errors.ts'

/** What is sent: a JobRequest whose defaults the daemon fills in. */
export type JobBody = z.input<typeof JobRequest>

/** The options of `althing run`, as parsed. */
export interface RunOptions {
  readonly name?: string
  /** Thousandths of a core. */
  readonly cpu?: number
  /** Bytes. */
  readonly memory?: number
  readonly input?: readonly string[]
  readonly output?: string
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds. */
  readonly timeout?: number
  readonly grace?: number
  readonly placeTimeout?: number
  readonly retries?: number
  readonly selector?: string
  /** A name, a peer id, or a part of either. */
  readonly node?: string
  /** One of `TASK_ISOLATION`. */
  readonly isolation?: (typeof TASK_ISOLATION)[number]
  /** One of `SPREAD_OVER`. */
  readonly spread?: (typeof SPREAD_OVER)[number]
  readonly maxSkew?: number
  readonly count: number
  readonly detach?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

/**
 * What the schema of a task would say of its command, in words. The daemon measures once more, as it is stored.
 * @throws CliError usage
 */
export function checkCommand(command: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  const fix = 'put large data into a file, and send that with --input'
  if (command[0] === '') throw usageError("command '': expected the program to run, such as uname")
  if (command.length > TASK_LIMITS.words) {
    throw usageError(`the command has ${command.length} words: expected at most ${TASK_LIMITS.words}`, fix)
  }
  const long = command.findIndex((word) => word.length > TASK_LIMITS.wordLength)
  if (long >= 0) {
    throw usageError(`word ${long + 1} of the command has more than ${TASK_LIMITS.wordLength} characters`, fix)
  }
  const words = [...command, ...Object.entries(env).flat()]
  const sizeBytes = words.reduce((sum, word) => sum + Buffer.byteLength(word), 0)
  if (sizeBytes > TASK_LIMITS.specBytes) {
    const most = formatBytes(TASK_LIMITS.specBytes)
    throw usageError(`the command and its variables take ${formatBytes(sizeBytes)}: expected at most ${most}`, fix)
  }
}

/** `--cpu` and `--memory` are both what is reserved and what is enforced. */
export function jobOf(command: readonly string[], options: RunOptions, input: BundleAccepted | undefined): JobBody {
  const { name, cpu, memory, env, timeout, grace, placeTimeout, retries, selector, node, output, count } = options
  const { spread, maxSkew, isolation } = options
  if (maxSkew !== undefined && spread === undefined) {
    throw usageError('--max-skew says nothing without --spread', 'add --spread zone, or host, or region')
  }
  if (node !== undefined && spread !== undefined) {
    throw usageError('--spread says nothing with --node: all tasks run on that one', 'leave one of them out')
  }
  return {
    spec: {
      command: [...command],
      ...(name !== undefined && { name }),
      ...(env !== undefined && { env: { ...env } }),
      ...(input !== undefined && { input }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
      ...(grace !== undefined && { graceMs: grace }),
      ...(retries !== undefined && { retries }),
      ...(selector !== undefined && { selector }),
      ...(node !== undefined && { node }),
      ...(isolation !== undefined && { isolation }),
      ...(spread !== undefined && { spread: { over: spread, ...(maxSkew !== undefined && { maxSkew }) } }),
      ...(output !== undefined && { output: true }),
      resources: {
        cpuMilli: cpu ?? DEFAULT_RESOURCES.cpuMilli,
        memoryBytes: memory ?? DEFAULT_RESOURCES.memoryBytes,
      },
      limits: { ...(cpu !== undefined && { cpuMilli: cpu }), ...(memory !== undefined && { memoryBytes: memory }) },
    },
    count,
    ...(placeTimeout !== undefined && { placeTimeoutMs: placeTimeout }),
  }
}
