/**
 * One CEL expression: parsed under limits, checked against the types of what it may name, reckoned, and asked. This
 * is the only file that knows the CEL library.
 */
import { Environment } from '@marcbachmann/cel-js'
import { messageOf } from '../util/errors.ts'
import { childrenOf, type AstNode } from './ast.ts'
import { costOf, ExpressionFault } from './cost.ts'
import { showValue } from './show.ts'
import type { Variables } from './types.ts'
import { VARIABLE_TYPES, type VariableTypes } from './variables.ts'

/** An expression that may be asked. */
export interface Expression {
  readonly text: string
  /** Steps it takes at most. */
  readonly cost: number
  /** Whether it names how many tasks are here. */
  readonly asksRunning: boolean
  /** @throws Error when it cannot be answered: a key that is not there, a division by zero… */
  test(variables: Variables): boolean
  /** The values that it rests on, in a line. Never throws. */
  saw(variables: Variables): string
}

/** Enough for any rule that people can read. The parser holds to them. */
const LIMITS = { maxAstNodes: 256, maxDepth: 24, maxListElements: 128, maxMapEntries: 32, maxCallArguments: 4 }

/** By what can be named: there are two, for tasks and for operations. */
const environments = new Map<VariableTypes, Environment>()

function environmentOf(types: VariableTypes): Environment {
  let environment = environments.get(types)
  if (environment === undefined) {
    environment = new Environment({ limits: LIMITS })
    for (const [name, schema] of Object.entries(types)) environment.registerVariable({ name, schema })
    environments.set(types, environment)
  }
  return environment
}

/** @returns the expression, or what is wrong with it. Never throws */
export function compileExpression(
  text: string,
  types: VariableTypes = VARIABLE_TYPES,
): Expression | { readonly fault: string } {
  try {
    const parsed = environmentOf(types).parse(text)
    const { valid, type, error } = parsed.check()
    if (!valid) return { fault: summaryOf(error) }
    if (type !== 'bool') return { fault: `expected true or false, found ${type ?? 'nothing'}` }
    const ast = parsed.ast as unknown as AstNode
    const references = referencesOf(ast, types)
    return {
      text,
      cost: costOf(ast),
      asksRunning: references.some((path) => path[1] === 'running'),
      test(variables) {
        const result: unknown = parsed(variables)
        if (typeof result !== 'boolean') throw new ExpressionFault('it is neither true nor false')
        return result
      },
      saw: (variables) =>
        references.map((path) => `${showPath(path)} = ${showValue(read(variables, path))}`).join(', '),
    }
  } catch (error) {
    return { fault: summaryOf(error) }
  }
}

/** What a fault of the library says, without the expression underlined, which takes several lines. */
export function summaryOf(error: unknown): string {
  const summary = (error as { summary?: unknown } | undefined)?.summary
  return (typeof summary === 'string' ? summary : messageOf(error)).slice(0, 200)
}

/** A field by the way to it, from the variable: `['node', 'labels', 'zone']`. */
type Path = readonly string[]

/** Every field that an expression names, once each. */
function referencesOf(ast: AstNode, types: VariableTypes): Path[] {
  const found = new Map<string, Path>()
  const visit = (node: AstNode): void => {
    const path = pathOf(node, types)
    if (path !== undefined) found.set(showPath(path), path)
    else for (const child of partsOf(node)) visit(child)
  }
  visit(ast)
  return [...found.values()]
}

/** What is below a node, the variable of a loop left out: it has no value outside it. */
function partsOf(node: AstNode): AstNode[] {
  const { op, args } = node
  if (op === 'call') return args[1] as AstNode[]
  if (op === 'rcall') return [args[1] as AstNode, ...(args[2] as AstNode[])]
  return childrenOf(node)
}

/** The way to a field: a variable, and at least one name or literal after it. */
function pathOf(node: AstNode, types: VariableTypes): Path | undefined {
  const { op, args } = node
  if (op !== '.' && op !== '[]') return undefined
  const of = args[0] as AstNode
  const key = op === '.' ? String(args[1]) : literalOf(args[1] as AstNode)
  if (key === undefined) return undefined
  if (of.op === 'id') {
    const name = String(of.args)
    return Object.hasOwn(types, name) ? [name, key] : undefined
  }
  const before = pathOf(of, types)
  return before && [...before, key]
}

/** Of text and whole numbers: what keys and places in a list are. */
function literalOf({ op, args }: AstNode): string | undefined {
  const value = args as unknown
  return op === 'value' && (typeof value === 'string' || typeof value === 'bigint') ? String(value) : undefined
}

function showPath(path: Path): string {
  return path.join('.')
}

function read(variables: Variables, path: Path): unknown {
  return path.reduce<unknown>((value, key) => {
    if (value instanceof Map) return value.get(key)
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    return (value as Record<string, unknown>)[key]
  }, variables)
}
