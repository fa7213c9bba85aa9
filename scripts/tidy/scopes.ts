/**
 * Which names a file takes from outside itself: those that no declaration around them binds. What is left over is
 * a global, whatever it is called; a name that is declared is the file's own, even if a global has the same.
 */
import type { SyntaxNode } from './source.ts'

type Names = ReadonlySet<string>

/** Every reference to a name that the file does not declare. */
export function freeNames(program: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  const visit = (node: SyntaxNode, outer: readonly Names[]): void => {
    if (node.type === 'Identifier' && !outer.some((names) => names.has(String(node['name'])))) found.push(node)
    const names = declaredBy(node)
    const scopes = names.length > 0 ? [...outer, new Set(names)] : outer
    for (const child of evaluatedIn(node)) visit(child, scopes)
  }
  visit(program, [])
  return found
}

/** Calls `visit` for every node that is evaluated: no types, and no names that only label something. */
export function walkEvaluated(node: SyntaxNode, visit: (node: SyntaxNode) => void): void {
  visit(node)
  for (const child of evaluatedIn(node)) walkEvaluated(child, visit)
}

/** The names that a node declares for what is inside it. There is no `var` in the tree, so blocks are all there is. */
function declaredBy(node: SyntaxNode): string[] {
  switch (node.type) {
    case 'Program':
    case 'BlockStatement':
    case 'StaticBlock':
      return nodesIn(node['body']).flatMap(declarations)
    case 'SwitchStatement':
      return nodesIn(node['cases']).flatMap((each) => nodesIn(each['consequent']).flatMap(declarations))
    case 'ForStatement':
      return nodesIn(node['init']).flatMap(declarations)
    case 'ForInStatement':
    case 'ForOfStatement':
      return nodesIn(node['left']).flatMap(declarations)
    case 'CatchClause':
      return nodesIn(node['param']).flatMap(bound)
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    case 'ClassExpression':
      return [...nodesIn(node['id']), ...nodesIn(node['params'])].flatMap(bound)
    default:
      return []
  }
}

/** The names that a statement declares beside itself; `declare` binds nothing, it only tells the compiler. */
function declarations(statement: SyntaxNode): string[] {
  if (statement['declare'] === true) return []
  switch (statement.type) {
    case 'VariableDeclaration':
      return nodesIn(statement['declarations']).flatMap((each) => bound(each['id'] as SyntaxNode))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return nodesIn(statement['id']).flatMap(bound)
    case 'ImportDeclaration':
      return nodesIn(statement['specifiers']).flatMap((each) => bound(each['local'] as SyntaxNode))
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return nodesIn(statement['declaration']).flatMap(declarations)
    default:
      return []
  }
}

/** The names in a pattern: `a`, `{ a, b: [c = 1], ...d }`. */
function bound(pattern: SyntaxNode): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [String(pattern['name'])]
    case 'ObjectPattern':
      return nodesIn(pattern['properties']).flatMap((each) => bound((each['value'] ?? each) as SyntaxNode))
    case 'ArrayPattern':
      return nodesIn(pattern['elements']).flatMap(bound)
    case 'AssignmentPattern':
      return bound(pattern['left'] as SyntaxNode)
    case 'RestElement':
      return bound(pattern['argument'] as SyntaxNode)
    default:
      return []
  }
}

/** Where a node keeps names that are no references. */
const LABELS: Readonly<Record<string, string>> = {
  MemberExpression: 'property',
  Property: 'key',
  MethodDefinition: 'key',
  PropertyDefinition: 'key',
  AccessorProperty: 'key',
  LabeledStatement: 'label',
  BreakStatement: 'label',
  ContinueStatement: 'label',
  ExportSpecifier: 'exported',
}

/** All they hold are names of other files, or words of the language: `import.meta`, `new.target`. */
const ONLY_NAMES = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'MetaProperty'])

const EXPRESSIONS_WITH_TYPES = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
])

function evaluatedIn(node: SyntaxNode): SyntaxNode[] {
  const isReExport = node.type === 'ExportNamedDeclaration' && node['source'] !== null
  if (ONLY_NAMES.has(node.type) || isReExport || node['exportKind'] === 'type') return []
  const label = node['computed'] === true ? undefined : LABELS[node.type]
  return Object.entries(node).flatMap(([field, value]) => (field === label ? [] : nodesIn(value).filter(isEvaluated)))
}

function isEvaluated({ type }: SyntaxNode): boolean {
  return !type.startsWith('TS') || EXPRESSIONS_WITH_TYPES.has(type)
}

function nodesIn(value: unknown): SyntaxNode[] {
  const children = (Array.isArray(value) ? value : [value]) as (SyntaxNode | null | undefined)[]
  return children.filter((child): child is SyntaxNode => typeof child?.type === 'string')
}
