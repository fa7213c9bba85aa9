/**
 * What an expression may say, and what it may cost at most, found by walking it once before it is ever asked.
 *
 * CEL always ends, but it can be made to end late: `matches` is a JavaScript regular expression (26 characters took
 * 6 s), `+` on text and lists can double its size with every use, and loops inside loops multiply. So functions are
 * taken from a list, text and lists cannot be built, and the cost of every loop is reckoned from the most that a task
 * can bring, as Kubernetes' admission estimates it:
 * https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints
 */
import { TASK_LIMITS } from '../model/defaults.ts'
import { childrenOf, type AstNode } from './ast.ts'

/** Steps, one a node of the expression that is evaluated, that all expressions of a policy may take for one task. */
export const MAX_COST = 500_000

/** An expression says what no policy may, or would cost too much. */
export class ExpressionFault extends Error {}

const OPERATORS = new Set([
  ...['value', 'id', '.', '[]', 'list', 'map', '?:', '||', '&&', '!_', '-_', 'in'],
  ...['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%'],
])
const FUNCTIONS = new Set(['has', 'size', 'int', 'double', 'string', 'bool'])
const METHODS = new Set([
  ...['size', 'contains', 'startsWith', 'endsWith', 'indexOf', 'lastIndexOf', 'substring'],
  ...['lowerAscii', 'upperAscii', 'trim'],
])
const LOOPS = new Set(['all', 'exists', 'exists_one', 'filter'])
const NUMBERS = new Set(['int', 'uint', 'double'])

/** To look through a text of the largest size there is, 32 KiB. */
const LONG_TEXT_STEPS = 1_000
/** A short one; and what loops go over: the words of a task together are no longer than a few long texts. */
const SHORT_TEXT_STEPS = 4
/** Fields that are short. */
const SHORT_TEXTS = new Set([
  ...['task.name', 'task.driver', 'submitter.id', 'submitter.owner', 'node.id', 'cluster.name'],
  ...['operator.id', 'operator.owner', 'operation.name'],
])
/** Smallest entry of an environment on the wire: two texts of a byte's length and a byte together. */
const MAX_VARIABLES = Math.ceil(TASK_LIMITS.specBytes / 3)
/** The most entries that what a field names can have; anything else of that kind counts as the largest. */
const SIZES: Readonly<Record<string, number>> = {
  'task.command': TASK_LIMITS.words,
  'task.env': MAX_VARIABLES,
  'task.limits': 2,
  'node.labels': 256,
}

/** Steps that an expression takes at most. @throws ExpressionFault for what no policy may say */
export function costOf(node: AstNode): number {
  const { op, args } = node
  if (op === 'call') return costOfCall(String(args[0]), args[1] as AstNode[])
  if (op === 'rcall') return costOfMethod(String(args[0]), args[1] as AstNode, args[2] as AstNode[])
  if (!OPERATORS.has(op)) throw new ExpressionFault(`${op} is not for policies`)
  const type = node.checkedType?.name ?? ''
  if (op === '+' && !NUMBERS.has(type))
    throw new ExpressionFault('+ is for numbers only: text and lists cannot be built')
  const inner = childrenOf(node).reduce((sum, child) => sum + costOf(child), 1)
  return inner + (op === 'in' || op === '==' || op === '!=' ? costOfComparing(node) : 0)
}

function costOfCall(name: string, args: readonly AstNode[]): number {
  if (!FUNCTIONS.has(name)) throw new ExpressionFault(`${name}() is not for policies`)
  return args.reduce((sum, child) => sum + costOf(child) + textSteps(child), 1)
}

function costOfMethod(name: string, receiver: AstNode, args: readonly AstNode[]): number {
  if (LOOPS.has(name)) {
    const [, predicate] = args
    return costOf(receiver) + sizeOf(receiver) * (1 + costOf(predicate!))
  }
  if (!METHODS.has(name)) throw new ExpressionFault(`${name}() is not for policies`)
  return args.reduce((sum, child) => sum + costOf(child), costOf(receiver) + textSteps(receiver))
}

/** Steps to look through a text; of anything else the length is known at once. */
function textSteps(node: AstNode): number {
  return node.checkedType?.name !== 'string' || isShort(node) ? SHORT_TEXT_STEPS : LONG_TEXT_STEPS
}

function isShort(node: AstNode): boolean {
  if (node.op === 'id' || node.op === 'value') return true
  if (node.op === 'rcall') return isShort(node.args[1] as AstNode)
  if (node.op === '?:') return childrenOf(node).slice(1).every(isShort)
  if (node.op !== '.' && node.op !== '[]') return false
  return SHORT_TEXTS.has(fieldOf(node)) || fieldOf(node.args[0] as AstNode) === 'node.labels'
}

/** Lists and maps are compared, and searched, entry by entry. */
function costOfComparing(node: AstNode): number {
  return childrenOf(node)
    .filter(({ checkedType }) => !/^(int|uint|double|bool|null|string)$/.test(checkedType?.name ?? ''))
    .reduce((sum, child) => sum + sizeOf(child), 1)
}

/** The most entries that a list or map can have. */
function sizeOf(node: AstNode): number {
  if (node.op === 'list' || node.op === 'map') return node.args.length
  if (node.op === '?:') return Math.max(...childrenOf(node).slice(1).map(sizeOf))
  if (node.op === 'rcall' && node.args[0] === 'filter') return sizeOf(node.args[1] as AstNode)
  return SIZES[fieldOf(node)] ?? MAX_VARIABLES
}

/** `task.command` for a field of a variable; else empty. */
function fieldOf({ op, args }: AstNode): string {
  const of = args[0] as AstNode
  return op === '.' && of.op === 'id' ? `${String(of.args)}.${String(args[1])}` : ''
}
