/** What is wrong with the files of governance, in words. */
import { ZodError } from 'zod'
import { messageOf } from '../../util/errors.ts'

/** What is wrong with a file that holds no such JSON as it should, as the end of a sentence. */
export function describeContentError(error: unknown): string {
  if (error instanceof SyntaxError) return 'it is empty, cut off, or no JSON'
  const [issue] = error instanceof ZodError ? error.issues : []
  if (issue === undefined) return messageOf(error).slice(0, 200)
  return [issue.path.join('.'), issue.message].filter((part) => part !== '').join(': ')
}
