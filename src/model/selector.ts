/**
 * Label selectors in the grammar of Kubernetes: `zone=attic,tier in (web,db),gpu!=none,!retired`.
 *
 * All requirements must hold. As in Kubernetes, `a!=b` and `a notin (b)` hold also when `a` is absent.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
import { AlthingError } from '../util/errors.ts'
import { isLabelKey, isLabelValue } from './label-grammar.ts'

/** One condition. `values` is empty for `exists` and `absent`. */
export interface Requirement {
  readonly key: string
  readonly operator: 'in' | 'not-in' | 'exists' | 'absent'
  readonly values: readonly string[]
}

/** Every requirement must hold; an empty list selects everything. */
export type Selector = readonly Requirement[]

/** A selector that does not parse; `meta.position` counts characters from 1. */
export class SelectorError extends AlthingError<'bad-selector'> {}

const MAX_LENGTH = 4096
const MAX_REQUIREMENTS = 64
const MAX_VALUES = 256
const WORD = /[A-Za-z0-9./_-]*/y

/** Walks the text once, left to right. */
class Cursor {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  skipSpace(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.at++
  }

  /** The next character that is no space, or undefined at the end. */
  peek(): string | undefined {
    this.skipSpace()
    return this.text[this.at]
  }

  /** Takes `token` if it comes next. */
  take(token: string): boolean {
    this.skipSpace()
    if (!this.text.startsWith(token, this.at)) return false
    this.at += token.length
    return true
  }

  word(): string {
    this.skipSpace()
    WORD.lastIndex = this.at
    const word = WORD.exec(this.text)![0]
    this.at += word.length
    return word
  }

  fail(expected: string, at = this.at): never {
    const found = at < this.text.length ? `found ${JSON.stringify(this.text.slice(at, at + 20))}` : 'the text ends'
    throw new SelectorError('bad-selector', `label selector, position ${at + 1}: expected ${expected}, ${found}`, {
      fix: 'write for example: zone=attic,tier in (web,db),gpu!=none,!retired',
      meta: { position: at + 1 },
    })
  }
}

function parseKey(cursor: Cursor): string {
  cursor.skipSpace()
  const start = cursor.at
  const key = cursor.word()
  if (!isLabelKey(key)) cursor.fail('a label key', start)
  return key
}

function parseValue(cursor: Cursor): string {
  cursor.skipSpace()
  const start = cursor.at
  const value = cursor.word()
  if (!isLabelValue(value)) cursor.fail('a label value (at most 63 letters, digits, - _ .)', start)
  return value
}

function parseSet(cursor: Cursor): string[] {
  if (!cursor.take('(')) cursor.fail('"("')
  const values: string[] = []
  do {
    if (values.length === MAX_VALUES) cursor.fail(`at most ${MAX_VALUES} values`)
    if (cursor.peek() === ',' || cursor.peek() === ')') cursor.fail('a value')
    values.push(parseValue(cursor))
  } while (cursor.take(','))
  if (!cursor.take(')')) cursor.fail('"," or ")"')
  return values
}

function parseRequirement(cursor: Cursor): Requirement {
  if (cursor.take('!')) return { key: parseKey(cursor), operator: 'absent', values: [] }
  const key = parseKey(cursor)
  if (cursor.take('!=')) return { key, operator: 'not-in', values: [parseValue(cursor)] }
  if (cursor.take('==') || cursor.take('=')) return { key, operator: 'in', values: [parseValue(cursor)] }
  const next = cursor.peek()
  if (next === undefined || next === ',') return { key, operator: 'exists', values: [] }
  const start = cursor.at
  const word = cursor.word()
  if (word === 'in') return { key, operator: 'in', values: parseSet(cursor) }
  if (word === 'notin') return { key, operator: 'not-in', values: parseSet(cursor) }
  return cursor.fail('one of = == != in notin or ","', start)
}

/** Parses a selector; blank text selects everything. @throws SelectorError with the position */
export function parseSelector(text: string): Selector {
  const cursor = new Cursor(text)
  if (text.length > MAX_LENGTH) cursor.fail(`at most ${MAX_LENGTH} characters`, MAX_LENGTH)
  if (cursor.peek() === undefined) return []
  const requirements: Requirement[] = []
  do {
    if (requirements.length === MAX_REQUIREMENTS) cursor.fail(`at most ${MAX_REQUIREMENTS} requirements`)
    requirements.push(parseRequirement(cursor))
  } while (cursor.take(','))
  if (cursor.peek() !== undefined) cursor.fail('"," or the end')
  return requirements
}

function holds(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined
  switch (requirement.operator) {
    case 'in':
      return value !== undefined && requirement.values.includes(value)
    case 'not-in':
      return value === undefined || !requirement.values.includes(value)
    case 'exists':
      return value !== undefined
    case 'absent':
      return value === undefined
  }
}

/** True when all requirements hold for these labels. */
export function matchesSelector(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => holds(requirement, labels))
}

/** The requirements that do not hold: what to name when a node is turned down. */
export function unmetRequirements(selector: Selector, labels: Readonly<Record<string, string>>): Selector {
  return selector.filter((requirement) => !holds(requirement, labels))
}

/** One text per requirement, in the grammar it was parsed from: joined by commas it parses back. */
export function describeSelector(selector: Selector): string[] {
  return selector.map(({ key, operator, values }) => {
    switch (operator) {
      case 'in':
        return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(',')})`
      case 'not-in':
        return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(',')})`
      case 'exists':
        return key
      case 'absent':
        return `!${key}`
    }
  })
}
