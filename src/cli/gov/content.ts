/** What is wrong with the files of governance, in words. */
import { ZodError } from 'zod'
import { messageOf } from '../../util/errors.ts'
import { printable } from '../terminal.ts'

/** What is wrong with a file that holds no such JSON as it should, as the end of a sentence. */
export function describeContentError(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is empty, cut off, or no JSON'
  const [issue] = error instanceof ZodError ? error.issues : []
  const parts = issue === undefined ? [messageOf(error)] : [issue.path.join('.'), issue.message]
  // Names of fields are those of whoever wrote it.
  return printable(
    parts
      .filter((part) => part !== '')
      .join(': ')
      .slice(0, 200),
  )
}
