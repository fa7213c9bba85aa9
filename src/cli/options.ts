/** How single options are read. What does not fit is a usage error of commander, which names the option. */
import { InvalidArgumentError } from 'commander'
import { parseBytes, parseCpuMilli } from '../model/quantity.ts'
import { messageOf } from '../util/errors.ts'
import { parseDurationMs } from './format.ts'

/** For options that may be given again. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** Makes an option's parser of a function that throws. */
function parser<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error))
    }
  }
}

export const cpu = parser(parseCpuMilli)
export const bytes = parser(parseBytes)
export const duration = parser(parseDurationMs)

/** A whole number between two bounds, both included. */
export function integer(min: number, max: number): (text: string) => number {
  return parser((text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new Error(`expected a whole number from ${min} to ${max}`)
    return value
  })
}

/** `--label a=b` and `--env A=B`; collects into a record. */
export function pair(
  what: string,
  missing?: (key: string) => string | undefined,
): (text: string, before?: Record<string, string>) => Record<string, string> {
  return (text, before = {}) => {
    const at = text.indexOf('=')
    const key = at < 0 ? text : text.slice(0, at)
    const value = at < 0 ? missing?.(key) : text.slice(at + 1)
    if (key === '' || value === undefined) throw new InvalidArgumentError(`expected ${what}`)
    return { ...before, [key]: value }
  }
}
