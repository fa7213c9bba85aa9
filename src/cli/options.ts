/**
 * How single options and arguments are read. A reader throws what it expected, with an example; `nameFaults` puts in
 * front of that which option it was and what was given, so that a wrong word is one line that says it all.
 */
import type { Argument, Command, Option } from 'commander'
import { VARIABLE_NAME, TASK_LIMITS } from '../model/defaults.ts'
import { parseBytes, parseCpuMilli, QuantityError } from '../model/quantity.ts'
import { parseSelector, SelectorError } from '../model/selector.ts'
import { messageOf } from '../util/errors.ts'
import { usageError } from './errors.ts'
import { formatDuration, parseDurationMs } from './format.ts'
import { shownWord } from './terminal.ts'

type Reader<Value> = (text: string) => Value

/** Makes the faults of a command's options and arguments usage errors that name them. Called once for each command. */
export function nameFaults(command: Command): void {
  for (const option of command.options) naming(option, option.long ?? option.flags)
  for (const argument of command.registeredArguments) naming(argument, argument.name())
}

function naming(target: Option | Argument, name: string): void {
  const { parseArg } = target
  if (parseArg === undefined) return
  target.parseArg = (text, before) => {
    try {
      return parseArg(text, before)
    } catch (error) {
      throw usageError(`${name} ${shownWord(text)}: ${messageOf(error)}`)
    }
  }
}

/** For options and arguments that may be given again. */
export function each<Value>(read: Reader<Value>): (text: string, before?: readonly Value[]) => Value[] {
  return (text, before = []) => [...before, read(text)]
}

/** Anything but nothing: a word that is empty was meant to be something, such as a variable that is not set. */
export function filled(expected: string): Reader<string> {
  return (text) => {
    if (text.trim() === '') throw new Error(`expected ${expected}`)
    return text
  }
}

/** Text in which `faultOf` finds no fault. */
export function checked(faultOf: (text: string) => string | undefined): Reader<string> {
  return (text) => {
    const fault = faultOf(text)
    if (fault !== undefined) throw new Error(fault)
    return text
  }
}

/** A task: its id, or the beginning of it. */
export const taskArgument = filled('an id or the beginning of one, as `althing ps --all` lists them')

/** A node: its name or peer id, or a part. The `…` of one that was shown shortened is left away. */
export function nodeArgument(text: string): string {
  return filled('a name or a peer id, as `althing nodes --all` lists them')(text).replace(/^…|…$/g, '')
}

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): Reader<Word> {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found === undefined) throw new Error(`expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
    return found
  }
}

/** A whole number between two bounds, both included. */
export function integer(min: number, max: number, example: number): Reader<number> {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new Error(`expected a whole number from ${min} to ${max}, such as ${example}`)
    return value
  }
}

/** A share that is neither nothing nor all, as a whole number of hundredths. */
export function percent(text: string): number {
  if (!/^[1-9]\d?%$/.test(text)) throw new Error('expected a share from 1% to 99%, such as 25%')
  return Number(text.slice(0, -1))
}

/** CPU in thousandths of a core. */
export function cpu(leastMilli: number): Reader<number> {
  return (text) => {
    const milli = quantity(parseCpuMilli, text)
    if (milli < leastMilli) throw new Error(`expected at least ${leastMilli}m, such as 2, 0.5 or 500m`)
    return milli
  }
}

/** An amount of memory in bytes. */
export function bytes(leastMi: number): Reader<number> {
  return (text) => {
    const amount = quantity(parseBytes, text)
    if (amount < leastMi * 1024 * 1024)
      throw new Error(`expected at least ${leastMi}Mi, such as 512Mi or 2Gi; without a unit it is bytes`)
    return amount
  }
}

function quantity(parse: Reader<number>, text: string): number {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error
    throw new Error(`expected ${String(error.meta['expected'])}: ${String(error.meta['why'])}`, { cause: error })
  }
}

/** A duration in milliseconds between two bounds, both included. */
export function duration(leastMs: number, mostMs: number): Reader<number> {
  return (text) => {
    const ms = parseDurationMs(text)
    if (ms < leastMs) throw new Error(`expected at least ${formatDuration(leastMs)}, such as 90s`)
    if (ms > mostMs) throw new Error(`expected at most ${formatDuration(mostMs)}`)
    return ms
  }
}

/** A label selector, as it was written: the daemon reads it again. */
export function selector(text: string): string {
  const example = 'as in zone=attic,tier in (web,db),!gpu'
  try {
    parseSelector(text)
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error
    throw new Error(`${error.message.replace('label selector, ', '')}, ${example}`, { cause: error })
  }
  // The grammar takes it for the empty value, which is what `a=` is for: nobody writes two signs for that.
  if (/==\s*(,|$)/.test(text)) throw new Error(`expected a value after ==, ${example}`)
  return text
}

/** Collects `KEY=VALUE` into a record. */
export function pairs(
  read: (text: string) => readonly [string, string],
): (text: string, before?: Readonly<Record<string, string>>) => Record<string, string> {
  return (text, before = {}) => {
    const [key, value] = read(text)
    return { ...before, [key]: value }
  }
}

/** Key and value on the two sides of the first `=`; no value where there is none. */
export function splitPair(text: string): { readonly key: string; readonly value: string | undefined } {
  const at = text.indexOf('=')
  return at < 0 ? { key: text, value: undefined } : { key: text.slice(0, at), value: text.slice(at + 1) }
}

/** `KEY=VALUE` in which `faultOf` finds no fault. */
export function keyValue(
  example: string,
  faultOf: (key: string, value: string) => string | undefined,
): Reader<readonly [key: string, value: string]> {
  return (text) => {
    const { key, value } = splitPair(text)
    if (value === undefined) throw new Error(`expected KEY=VALUE, such as ${example}`)
    const fault = faultOf(key, value)
    if (fault !== undefined) throw new Error(fault)
    return [key, value]
  }
}

/** An environment variable of a task: `NAME=VALUE`, or the name of one that is set in `env`. */
export function variable(env: Readonly<Record<string, string | undefined>>): Reader<readonly [string, string]> {
  return (text) => {
    const { key, value: said } = splitPair(text)
    // The schemas leave this name out of every record, lest it become a prototype.
    if (key === '__proto__') throw new Error('no variable of this name can be sent')
    const value = said ?? (Object.hasOwn(env, key) ? env[key] : undefined)
    if (!VARIABLE_NAME.test(key) || key.length > TASK_LIMITS.variableLength) {
      throw new Error('expected NAME=VALUE, the name of letters, digits and _ and no digit first, such as MODE=fast')
    }
    if (value === undefined) throw new Error(`no variable of this name is set here; write ${key}=VALUE`)
    if (value.length > TASK_LIMITS.wordLength) {
      throw new Error(`expected a value of at most ${TASK_LIMITS.wordLength} characters: send more by --input`)
    }
    return [key, value]
  }
}
