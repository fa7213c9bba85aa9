/**
 * The base of every error Althing throws on purpose.
 *
 * `code` is stable and machine-readable (kebab-case); the message is for people and names the cause;
 * `fix`, where there is one, says what to do about it. One place renders them: the CLI as text, the
 * API as RFC 9457 problem details.
 */
export class AlthingError<Code extends string = string> extends Error {
  readonly code: Code
  readonly fix: string | undefined
  /** Values a program may want: the path, the pid, the field. */
  readonly meta: Readonly<Record<string, unknown>>

  constructor(
    code: Code,
    message: string,
    options: { fix?: string; cause?: unknown; meta?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.fix = options.fix
    this.meta = options.meta ?? {}
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
