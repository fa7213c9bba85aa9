/** How a command fails: what is printed and with which code it exits. */
import type { Problem } from '../model/api.ts'
import { AlthingError, messageOf } from '../util/errors.ts'

/** Exit codes of every command; `run` has more, see `run/exit-code.ts`. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Althing could not do its part, so that a task's own exit codes stay tellable: as `docker run` does. */
  notRun: 125,
  /** 128 + SIGINT. */
  interrupted: 130,
  /** 128 + SIGPIPE: whoever read our output has gone. */
  brokenPipe: 141,
} as const

/** Ends the command with its message on stderr. `detail` lines are shown below it. */
export class CliError extends AlthingError {
  readonly exitCode: number
  readonly detail: readonly string[]

  constructor(
    code: string,
    message: string,
    options: { fix?: string | undefined; exitCode?: number; detail?: readonly string[]; cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause, ...(options.fix !== undefined && { fix: options.fix }) })
    this.exitCode = options.exitCode ?? EXIT.failure
    this.detail = options.detail ?? []
  }
}

/** The daemon answered with a problem. */
export class ApiProblem extends CliError {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.code, problem.detail ?? problem.title, {
      fix: problem.fix,
      // What the daemon calls invalid was typed by whoever ran the command.
      exitCode: problem.code === 'invalid' ? EXIT.usage : EXIT.failure,
      detail: problem.reasons ?? [],
    })
    this.problem = problem
  }
}

/** The command was used wrongly: exit 2. */
export function usageError(message: string, fix?: string): CliError {
  return new CliError('usage', message, { fix, exitCode: EXIT.usage })
}

/**
 * Whether it was thrown on purpose. By its shape, not its class: the daemon that `up` loads is a bundle of its own,
 * with a class of its own.
 */
export function isOurs(thrown: unknown): thrown is AlthingError {
  return thrown instanceof Error && 'code' in thrown && 'fix' in thrown && 'meta' in thrown
}

/** The text of any error, and the code to exit with. */
export function describeError(thrown: unknown): { text: string; exitCode: number } {
  const ours = isOurs(thrown)
  const fix = ours && thrown.fix !== undefined ? [`  fix: ${thrown.fix}`] : []
  const detail = thrown instanceof CliError ? thrown.detail.map((line) => `  ${line}`) : []
  const exitCode = thrown instanceof CliError ? thrown.exitCode : EXIT.failure
  // A bug of ours is of use only with the place where it happened.
  const stack = ours || !(thrown instanceof Error) ? [] : [thrown.stack ?? '']
  return { text: [`althing: ${messageOf(thrown)}`, ...detail, ...fix, ...stack].join('\n'), exitCode }
}
