/**
 * Defaults and bounds of what a user says of a task, for programs that need them without the schemas: loading those
 * costs the CLI 30 ms a command.
 */
import type { Resources } from './resources.ts'

const DAY_MS = 86_400_000

/** What a task that asks for nothing reserves: a tenth of a core and 64 MiB. It is not limited to that. */
export const DEFAULT_RESOURCES: Resources = Object.freeze({ cpuMilli: 100, memoryBytes: 64 * 1024 * 1024 })

/** Below this a reservation would bound nothing: a batch could start as many processes as it has tasks. */
export const LEAST_RESERVED: Resources = Object.freeze({ cpuMilli: 10, memoryBytes: 1024 * 1024 })

/** What holds for a task that says nothing else. */
export const DEFAULT_TASK = {
  resources: DEFAULT_RESOURCES,
  /** A task without `--timeout` is ended after a day: every state has a timeout. */
  timeoutMs: DAY_MS,
  /** Between SIGTERM and SIGKILL. */
  graceMs: 5_000,
  /** Kept of stdout and of stderr, each; the rest is discarded and the log says so. */
  logCapBytes: 16 * 1024 * 1024,
  /** What is not placed after a day fails. */
  placeTimeoutMs: DAY_MS,
} as const

/** Caps that every decoder of a task spec enforces. */
export const TASK_LIMITS = {
  /** Encoded spec, bytes (design section 3). */
  specBytes: 64 * 1024,
  /** Tasks in one job (one `althing run --count`). */
  tasksPerJob: 10_000,
  /** Attempts of one task, whatever the reason for another. */
  attempts: 100,
  /** Characters of its name. */
  nameLength: 128,
  /** Words of its command. */
  words: 4096,
  /** Characters of one word of its command, or of a variable's value. */
  wordLength: 32 * 1024,
  /** Characters of a variable's name. */
  variableLength: 256,
  timeoutMs: 365 * DAY_MS,
  graceMs: 3_600_000,
  placeTimeoutMs: 30 * DAY_MS,
} as const

/** A name the shell can set: what an environment variable is called. */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** How a task may ask to be run. Without a word it is isolated where it is a guest. */
export const TASK_ISOLATION = ['bwrap', 'none'] as const

/** Failure domains that tasks can be spread over. */
export const SPREAD_OVER = ['host', 'zone', 'region'] as const

/** Characters of what is told of a cordon: who asked for it, and why. */
export const CORDON_LIMITS = { by: 64, reason: 200 } as const
