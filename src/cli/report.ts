/** How an error gets to whoever ran the command: as text, or under `--json` as one line of JSON on stderr. */
import type { Problem } from '../model/api.ts'
import { messageOf } from '../util/errors.ts'
import { ApiProblem, CliError, describeError, isOurs } from './errors.ts'

let isJson = false

/** Says whether errors are JSON from now on. They are text until then. */
export function reportAsJson(as: boolean): void {
  isJson = as
}

/** Whether errors are JSON. */
export function reportsJson(): boolean {
  return isJson
}

/** Writes an error to stderr. @returns the code to exit with */
export function report(thrown: unknown): number {
  const { text, exitCode } = describeError(thrown)
  process.stderr.write(`${isJson ? JSON.stringify(problemOf(thrown)) : text}\n`)
  return exitCode
}

/** As the API tells of errors (RFC 9457); what no daemon answered has no status. */
function problemOf(thrown: unknown): Omit<Problem, 'status'> & { readonly status?: number } {
  if (thrown instanceof ApiProblem) return thrown.problem
  const code = isOurs(thrown) ? thrown.code : 'internal'
  const fix = isOurs(thrown) ? thrown.fix : undefined
  const reasons = reasonsOf(thrown)
  return {
    type: `urn:althing:problem:${code}`,
    title: code.replaceAll('-', ' '),
    detail: messageOf(thrown),
    code,
    ...(fix !== undefined && { fix }),
    ...(reasons.length > 0 && { reasons: [...reasons] }),
  }
}

/** A bug of ours is of use only with the place where it happened. */
function reasonsOf(thrown: unknown): readonly string[] {
  if (thrown instanceof CliError) return thrown.detail
  return isOurs(thrown) || !(thrown instanceof Error) ? [] : [thrown.stack ?? '']
}
