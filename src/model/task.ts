/**
 * A task: one command to run somewhere in the mesh, and the states it passes through.
 *
 * The *submitter* (the daemon the user spoke to) owns a task's state; the *executor* (the daemon
 * that runs an attempt of it) owns the attempt. Both keep what they own in their own store.
 */
import * as z from 'zod'
import { DEFAULT_TASK, LEAST_RESERVED, SPREAD_OVER, TASK_ISOLATION, TASK_LIMITS, VARIABLE_NAME } from './defaults.ts'
import { PeerId, Sha256Hex } from './identifiers.ts'
import { Resources } from './resources.ts'

export { DEFAULT_TASK, TASK_LIMITS }

/**
 * Text that a shell, a path or the environment of a process carries unchanged: those end at a NUL, and what is no
 * Unicode has no bytes to be sent as. Both would be altered without a word.
 */
const text = (max: number) =>
  z
    .string()
    .max(max, `expected at most ${max} characters`)
    .refine(
      (value) => !value.includes('\0') && value.isWellFormed(),
      'expected text without NUL characters and lone surrogates',
    )

/** What to run, what it needs, and how long it may take: the same for every task of a job. */
export const TaskSpec = z.strictObject({
  /** Shown in lists; defaults to the command's first word. */
  name: text(TASK_LIMITS.nameLength).optional(),
  /** Which provider runs it. */
  driver: z.enum(['process']).default('process'),
  /** argv; no shell is involved unless the command is one. */
  command: z
    .array(text(TASK_LIMITS.wordLength))
    .min(1, 'expected a command and its arguments')
    .max(TASK_LIMITS.words, `expected at most ${TASK_LIMITS.words} words`),
  env: z
    .record(
      z
        .string()
        .regex(VARIABLE_NAME, 'expected a variable: letters, digits and _, not starting with a digit')
        .max(TASK_LIMITS.variableLength, `expected a variable of at most ${TASK_LIMITS.variableLength} characters`),
      text(TASK_LIMITS.wordLength),
    )
    .default({}),
  /** Reserved on the executor for as long as the task runs. */
  resources: Resources.refine(
    ({ cpuMilli, memoryBytes }) => cpuMilli >= LEAST_RESERVED.cpuMilli && memoryBytes >= LEAST_RESERVED.memoryBytes,
    'expected to reserve at least 10m CPU and 1Mi memory',
  ).default({ ...DEFAULT_TASK.resources }),
  /** Enforced ceilings; an absent one is not enforced. `--cpu` and `--memory` set both this and `resources`. */
  limits: z
    .strictObject({
      cpuMilli: z.int().min(1, 'expected thousandths of a core, at least 1').optional(),
      memoryBytes: z.int().min(1, 'expected bytes, at least 1').optional(),
    })
    .default({}),
  timeoutMs: z
    .int()
    .min(1, 'expected at least 1 millisecond')
    .max(TASK_LIMITS.timeoutMs, 'expected milliseconds, at most 365 days')
    .default(DEFAULT_TASK.timeoutMs),
  graceMs: z
    .int()
    .min(0, 'expected no negative time')
    .max(TASK_LIMITS.graceMs, 'expected milliseconds, at most an hour')
    .default(DEFAULT_TASK.graceMs),
  /** Content hash and size of the input bundle (a tar); unpacked into the working directory. */
  input: z.strictObject({ sha256: Sha256Hex, sizeBytes: z.int().min(0) }).optional(),
  /** Keep `$ALTHING_OUTPUT` after the task ends, for the submitter to fetch. */
  output: z.boolean().default(false),
  /** Hard constraint on node labels, Kubernetes grammar. */
  selector: text(4096).optional(),
  /** Runs there or nowhere. */
  node: PeerId.optional(),
  /**
   * `bwrap`: only where it runs isolated. `none`: only where it does not. Absent: isolated where its submitter is of
   * another owner.
   */
  isolation: z.enum(TASK_ISOLATION).optional(),
  /**
   * No host, zone or region has more than `maxSkew` of the job's tasks more than the one with the fewest: Kubernetes'
   * `topologySpreadConstraints` with `DoNotSchedule`. Tasks that would break it wait.
   */
  spread: z
    .strictObject({
      over: z.enum(SPREAD_OVER),
      maxSkew: z.int().min(1, 'expected at least 1').max(TASK_LIMITS.tasksPerJob).default(1),
    })
    .optional(),
  /** How often a non-zero exit is tried again. Loss of a node is always tried again (promise `many`). */
  retries: z
    .int()
    .min(0)
    .max(TASK_LIMITS.attempts - 1)
    .default(0),
  logCapBytes: z
    .int()
    .min(0)
    .max(1024 * 1024 * 1024)
    .default(DEFAULT_TASK.logCapBytes),
})
/** See the schema of the same name. */
export type TaskSpec = z.infer<typeof TaskSpec>

/**
 * The submitter's view. Moves only along `TASK_TRANSITIONS`.
 *
 * queued → awarded → running → succeeded | failed | cancelled | timed-out
 */
export const TASK_STATES = ['queued', 'awarded', 'running', 'succeeded', 'failed', 'cancelled', 'timed-out'] as const
/** One of `TASK_STATES`. */
export const TaskState = z.enum(TASK_STATES)
export type TaskState = z.infer<typeof TaskState>

export const TASK_TRANSITIONS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  // `failed` straight from the queue: the task can never be placed (for example its bundle is gone).
  queued: ['awarded', 'cancelled', 'failed'],
  // Back to the queue: a signed refusal, or the executor was lost. Straight to an end: the report of a
  // short task overtook the contract.
  awarded: ['running', 'queued', 'succeeded', 'failed', 'cancelled', 'timed-out'],
  // Back to the queue: lost, or a retry is due.
  running: ['queued', 'succeeded', 'failed', 'cancelled', 'timed-out'],
  succeeded: [],
  failed: [],
  cancelled: [],
  'timed-out': [],
}

/** True when no further state follows. */
export function isEnded(state: TaskState): boolean {
  return TASK_TRANSITIONS[state].length === 0
}

/** How an attempt ended. `signal` is set when a signal ended it; `exitCode` then is 128 + its number. */
export const TaskExit = z.strictObject({
  exitCode: z.int().min(0).max(255),
  signal: z.string().max(16).optional(),
  /** Why Althing itself ended it, when it did. */
  killedFor: z.enum(['cancelled', 'timeout', 'memory', 'lost', 'policy']).optional(),
  /** The policy rule of its node that ended it, or kept it from starting, and the values it saw. */
  refusedBy: z.string().max(512).optional(),
  /** It never ran: the bundle could not be fetched, the command does not exist, the disk is full… */
  startError: z.string().max(4096).optional(),
  outputSha256: Sha256Hex.optional(),
  outputBytes: z.int().min(0).optional(),
  /** What is not in the output, or why there is none though it was wanted. */
  outputNote: z.string().max(1024).optional(),
  /** stdout or stderr passed its cap and was cut. */
  logTruncated: z.boolean().optional(),
  startedAtMs: z.int().min(0),
  endedAtMs: z.int().min(0),
})
export type TaskExit = z.infer<typeof TaskExit>
