/** Every error of the API as RFC 9457 problem details: one place that knows which code is which status. */
import { STATUS_CODES } from 'node:http'
import type * as z from 'zod'
import type { Problem } from '../model/api.ts'
import { AlthingError } from '../util/errors.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** An error that knows its own HTTP status: what the server itself refuses. */
export class ApiError extends AlthingError {
  readonly status: number
  /** Extension members of the problem: `errors`, `reasons`. */
  readonly members: Pick<Problem, 'errors' | 'reasons'>
  /** Header lines that the answer must have: `allow`, `www-authenticate`. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    options: {
      fix?: string
      members?: Pick<Problem, 'errors' | 'reasons'>
      headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(code, message, options.fix === undefined ? {} : { fix: options.fix })
    this.status = status
    this.members = options.members ?? {}
    this.headers = options.headers ?? {}
  }
}

/** Codes of errors that reach the API from below. What is not listed is a fault of ours: 500. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  'not-found': 404,
  conflict: 409,
  invalid: 422,
  full: 507,
  busy: 429,
  gone: 410,
  'not-allowed': 403,
  // A passport or policy file, a selector and a quantity that do not parse.
  'too-large': 422,
  'bad-yaml': 422,
  'bad-passport': 422,
  'bad-policy': 422,
  'bad-selector': 422,
  'bad-quantity': 422,
  // The store.
  'disk-full': 507,
}

/** The problem to answer with, and whether the daemon should log the error as its own fault. */
export function problemOf(thrown: unknown): { problem: Problem; unexpected: boolean } {
  if (thrown instanceof ApiError) {
    const { status, code, message, fix, members } = thrown
    return { problem: { ...makeProblem(status, code, message, fix), ...members }, unexpected: false }
  }
  if (thrown instanceof AlthingError) {
    const status = STATUS_OF_CODE[thrown.code] ?? 500
    return { problem: makeProblem(status, thrown.code, thrown.message, thrown.fix), unexpected: status === 500 }
  }
  // The message of an unknown error may hold anything; the log has it.
  return {
    problem: makeProblem(500, 'internal', 'something went wrong in the daemon', 'see the log of the daemon'),
    unexpected: true,
  }
}

/** Problem details of a status; `type` is a name, not an address: there is nothing to fetch. */
export function makeProblem(status: number, code: string, detail: string, fix?: string): Problem {
  return {
    type: `urn:althing:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    code,
    ...(fix !== undefined && { fix }),
  }
}

/** Field paths named in one answer; the rest are counted. */
const MAX_ISSUES = 20

/** A request that does not fit its schema: `status` 400 for the query, 422 for the body. */
export function validationError(status: 400 | 422, what: string, error: z.core.$ZodError): ApiError {
  const errors = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => ({ path: showPath(issue.path), message: wordsOf(issue) }))
  const more = error.issues.length - errors.length
  const lines = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const detail = `${what}: ${lines.join('; ')}${more > 0 ? `; and ${more} more` : ''}`
  return new ApiError(status, 'invalid', detail, { members: { errors } })
}

/** What is wrong with a key stands one level below the issue. */
function wordsOf(issue: z.core.$ZodIssue): string {
  return (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message
}

function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`
    return shown === '' ? String(part) : `${shown}.${String(part)}`
  }, '')
}
