/** Selectors as users type them. */
import { parseSelector } from '../model/selector.ts'
import { messageOf } from '../util/errors.ts'
import { OperationError } from './operations.ts'

/** Refuses a selector that does not parse, before it goes anywhere. @throws OperationError `invalid` */
export function checkSelector(selector: string | undefined): void {
  if (selector === undefined) return
  try {
    parseSelector(selector)
  } catch (error) {
    const fix = 'write it as for kubectl: zone=attic,tier in (a,b),!gpu'
    throw new OperationError('invalid', messageOf(error), { cause: error, fix })
  }
}
