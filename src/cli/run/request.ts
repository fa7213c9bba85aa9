/** Turns the options of `run` into the job to submit. */
import type * as z from 'zod'
import type { BundleAccepted, JobRequest } from '../../model/api.ts'
import { DEFAULT_RESOURCES } from '../../model/defaults.ts'

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
  readonly count: number
  readonly detach?: boolean
  readonly quiet?: boolean
  readonly verbose?: boolean
}

/** `--cpu` and `--memory` are both what is reserved and what is enforced. */
export function jobOf(command: readonly string[], options: RunOptions, input: BundleAccepted | undefined): JobBody {
  const { name, cpu, memory, env, timeout, grace, placeTimeout, retries, selector, output, count } = options
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
