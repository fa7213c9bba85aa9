/**
 * The core is sans-IO: time, chance and the outside world come in as arguments and go out as
 * effects. This is what lets the simulator run the daemon's own code.
 */
import { builtinModules } from 'node:module'
import { lineOf, walk } from './source.ts'
import type { Problem, Source, SyntaxNode } from './source.ts'

const PURE_FOLDERS = [
  'model',
  'registry',
  'topology',
  'policy',
  'negotiation',
  'workload',
  'health',
  'audit',
  'diagnosis',
  'mesh',
]

/** Packages that compute and do nothing else. */
const PURE_PACKAGES = /^(zod|@noble\/hashes\/.*|uint8arrays(\/.*)?|@marcbachmann\/cel-js)$/
/** Loaders of files for people (`src/model/…-file.ts`) also parse YAML; reading the file is not theirs. */
const FILE_LOADER = /^src\/model\/([^/]+\/)*[a-z0-9-]+-file\.ts$/

/** Names that are the outside world, and what to use instead. */
const BANNED_GLOBALS: Readonly<Record<string, string>> = {
  setTimeout: 'a `schedule` effect',
  setInterval: 'a `schedule` effect',
  setImmediate: 'a `schedule` effect',
  queueMicrotask: 'a `schedule` effect',
  performance: 'the `nowMs` argument',
  process: 'an argument',
  crypto: 'the hash or the random source that is handed in',
  fetch: 'a `send` effect',
  console: 'an `emit` effect',
  globalThis: 'an argument',
  require: 'an import',
}

/** Members of otherwise pure objects. */
const BANNED_MEMBERS: Readonly<Record<string, string>> = {
  'Date.now': 'the `nowMs` argument',
  'Math.random': 'the random source that is handed in',
}

function isPure(path: string): boolean {
  return PURE_FOLDERS.some((folder) => path.startsWith(`src/${folder}/`))
}

/** Uses of clocks, chance, timers, Node and impure helpers in the core. */
export function checkPurity(sources: readonly Source[]): Problem[] {
  const impureHelpers = new Set(
    sources
      .filter(({ path }) => path.startsWith('src/util/'))
      .filter(isImpure)
      .map(({ path }) => path),
  )
  return sources
    .filter(({ path }) => isPure(path))
    .flatMap((source) => [...checkImports(source, impureHelpers), ...checkGlobals(source)])
}

function isImpure(source: Source): boolean {
  return checkGlobals(source).length > 0 || checkImports(source, new Set()).length > 0
}

function checkImports({ path, code }: Source, impureHelpers: ReadonlySet<string>): Problem[] {
  return (code?.imports ?? []).flatMap(({ specifier, target, typeOnly, line }) => {
    const problem = (message: string): Problem[] => [{ path, line, rule: 'core-purity', message }]
    if (target !== undefined) {
      const impure = impureHelpers.has(target) && !typeOnly
      return impure ? problem(`${target} reaches outside; the core may import only its types`) : []
    }
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
      return problem(`the core does not know ${specifier}`)
    }
    if (specifier === 'yaml' && FILE_LOADER.test(path)) return []
    return PURE_PACKAGES.test(specifier) ? [] : problem(`${specifier} is not among the packages the core may use`)
  })
}

function checkGlobals({ path, text, code }: Source): Problem[] {
  const problems: Problem[] = []
  const report = (node: SyntaxNode, what: string, instead: string): void => {
    const message = `no ${what} in the core; use ${instead}`
    problems.push({ path, line: lineOf(text, node.start), rule: 'core-purity', message })
  }
  const visit = (node: SyntaxNode): boolean => {
    const member = memberName(node)
    if (member !== undefined && Object.hasOwn(BANNED_MEMBERS, member)) report(node, member, BANNED_MEMBERS[member]!)
    if (readsTheClock(node)) report(node, 'Date without a time', 'the `nowMs` argument')
    if (node.type === 'Identifier') {
      const name = String(node['name'])
      if (Object.hasOwn(BANNED_GLOBALS, name)) report(node, name, BANNED_GLOBALS[name]!)
    }
    for (const child of expressionsIn(node)) walk(child, visit)
    return false
  }
  if (code !== undefined) walk(code.program, visit)
  return problems
}

/** `Date()` and `new Date()`, where `new Date(ms)` only computes. */
function readsTheClock(node: SyntaxNode): boolean {
  if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return false
  const callee = node['callee'] as SyntaxNode
  const bare = node.type === 'CallExpression' || (node['arguments'] as unknown[]).length === 0
  return callee.type === 'Identifier' && callee['name'] === 'Date' && bare
}

function memberName(node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const object = node['object'] as SyntaxNode
  const property = node['property'] as SyntaxNode
  if (object.type !== 'Identifier') return undefined
  return `${String(object['name'])}.${String(property['name'] ?? property['value'])}`
}

/** The children that are evaluated: no types, and no names that only label a member. */
function expressionsIn(node: SyntaxNode): SyntaxNode[] {
  const label = node['computed'] === true ? undefined : LABELS[node.type]
  return Object.entries(node).flatMap(([field, value]) => {
    if (field === label) return []
    const children = (Array.isArray(value) ? value : [value]) as (SyntaxNode | null | undefined)[]
    return children.filter((child): child is SyntaxNode => typeof child?.type === 'string' && !isType(child))
  })
}

/** Where a node keeps a name that is no reference. */
const LABELS: Readonly<Record<string, string>> = {
  MemberExpression: 'property',
  Property: 'key',
  MethodDefinition: 'key',
  PropertyDefinition: 'key',
  LabeledStatement: 'label',
  ImportSpecifier: 'imported',
  ExportSpecifier: 'exported',
}

const EXPRESSIONS_WITH_TYPES = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'])

function isType({ type }: SyntaxNode): boolean {
  return type.startsWith('TS') && !EXPRESSIONS_WITH_TYPES.has(type)
}
