/**
 * The core is sans-IO: time, chance and the outside world come in as arguments and go out as
 * effects. This is what lets the simulator run the daemon's own code.
 */
import { builtinModules } from 'node:module'
import { freeNames, walkEvaluated } from './scopes.ts'
import { lineOf } from './source.ts'
import type { Problem, Source, SyntaxNode } from './source.ts'

const PURE_FOLDERS = [
  'model',
  'registry',
  'topology',
  'governance',
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

/** The globals that compute and do nothing else; every other one is the outside world, or may become it. */
const PURE_GLOBALS = new Set([
  ...['undefined', 'NaN', 'Infinity', 'isNaN', 'isFinite', 'parseInt', 'parseFloat'],
  ...['Object', 'Array', 'Map', 'Set', 'WeakMap', 'WeakSet', 'Symbol', 'JSON', 'RegExp', 'TextEncoder', 'TextDecoder'],
  ...['String', 'Number', 'Boolean', 'BigInt', 'Error', 'TypeError', 'RangeError', 'SyntaxError', 'structuredClone'],
  ...['ArrayBuffer', 'DataView', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array'],
])

/** `Math` is allowed as what one of these is taken from, and in no other place. */
const PURE_MATH = new Set([
  ...['abs', 'sign', 'min', 'max', 'floor', 'ceil', 'round', 'trunc', 'imul', 'clz32'],
  ...['sqrt', 'cbrt', 'hypot', 'pow', 'exp', 'expm1', 'log', 'log1p', 'log2', 'log10'],
  ...['sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2', 'PI', 'E', 'LN2', 'LN10', 'SQRT2'],
])

/** What to use instead of globals that come to mind. */
const INSTEAD: Readonly<Record<string, string>> = {
  setTimeout: 'a `schedule` effect',
  setInterval: 'a `schedule` effect',
  setImmediate: 'a `schedule` effect',
  queueMicrotask: 'a `schedule` effect',
  performance: 'the `nowMs` argument',
  Date: 'the `nowMs` argument, and `new Date(ms).toISOString()` to show a time',
  Math: 'its pure functions by their names, and the random source that is handed in',
  crypto: 'the hash or the random source that is handed in',
  fetch: 'a `send` effect',
  console: 'an `emit` effect',
}
const INSTEAD_BY_DEFAULT = 'what is handed in as an argument'

/** Members of anything: the way to `Function`, which evaluates text, and what answers by the locale of the machine. */
const BANNED_MEMBERS = /^(constructor|localeCompare|toLocale\w*)$/

function isPure(path: string): boolean {
  return PURE_FOLDERS.some((folder) => path.startsWith(`src/${folder}/`))
}

/** Uses of clocks, chance, timers, Node and impure helpers in the core. */
export function checkPurity(sources: readonly Source[]): Problem[] {
  const impure = impureHelpers(sources)
  return sources.filter(({ path }) => isPure(path)).flatMap((source) => problemsOf(source, impure))
}

/** Files beside the core that reach outside, themselves or by what they import. */
function impureHelpers(sources: readonly Source[]): Set<string> {
  const impure = new Set<string>()
  const helpers = sources.filter(({ path }) => /^src\/(util|wire)\//.test(path))
  for (let before = -1; before < impure.size;) {
    before = impure.size
    for (const source of helpers) if (problemsOf(source, impure).length > 0) impure.add(source.path)
  }
  return impure
}

function problemsOf(source: Source, impure: ReadonlySet<string>): Problem[] {
  return [...checkImports(source, impure), ...checkGlobals(source)]
}

function checkImports({ path, code }: Source, impure: ReadonlySet<string>): Problem[] {
  return (code?.imports ?? []).flatMap(({ specifier, target, typeOnly, line }) => {
    const problem = (message: string): Problem[] => [{ path, line, rule: 'core-purity', message }]
    if (target !== undefined) {
      const reachesOutside = impure.has(target) && !typeOnly
      return reachesOutside ? problem(`${target} reaches outside; the core may import only its types`) : []
    }
    if (specifier.startsWith('node:') || builtinModules.includes(specifier)) {
      return problem(`the core does not know ${specifier}`)
    }
    if (specifier === 'yaml' && FILE_LOADER.test(path)) return []
    return PURE_PACKAGES.test(specifier) ? [] : problem(`${specifier} is not among the packages the core may use`)
  })
}

function checkGlobals({ path, text, code }: Source): Problem[] {
  if (code === undefined) return []
  const problem = (node: SyntaxNode, what: string, instead: string): Problem => {
    const message = `no ${what} in the core; use ${instead}`
    return { path, line: lineOf(text, node.start), rule: 'core-purity', message }
  }
  const problems: Problem[] = []
  const pure = new Set<SyntaxNode>()
  walkEvaluated(code.program, (node) => {
    const allowed = pureUse(node)
    if (allowed !== undefined) pure.add(allowed)
    const member = memberName(node)
    if (member !== undefined && BANNED_MEMBERS.test(member)) problems.push(problem(node, member, INSTEAD_BY_DEFAULT))
    if (node.type === 'MetaProperty' && nameOf(node['meta']) === 'import') {
      problems.push(problem(node, 'import.meta', INSTEAD_BY_DEFAULT))
    }
  })
  for (const node of freeNames(code.program)) {
    const name = String(node['name'])
    if (PURE_GLOBALS.has(name) || pure.has(node)) continue
    problems.push(problem(node, name, Object.hasOwn(INSTEAD, name) ? INSTEAD[name]! : INSTEAD_BY_DEFAULT))
  }
  return problems
}

/**
 * The `Math` of `Math.max`, and the `Date` of `new Date(ms).toISOString()`, which shows a time to people and depends
 * on neither clock nor zone. Nothing else of these two is allowed: what is taken from them may be the clock or chance.
 */
function pureUse(node: SyntaxNode): SyntaxNode | undefined {
  if (node.type !== 'MemberExpression' || node['computed'] === true) return undefined
  const object = node['object'] as SyntaxNode
  const member = memberName(node)!
  if (nameOf(object) === 'Math') return PURE_MATH.has(member) ? object : undefined
  const isDate = object.type === 'NewExpression' && nameOf(object['callee']) === 'Date'
  if (!isDate || member !== 'toISOString') return undefined
  const [first, ...rest] = object['arguments'] as SyntaxNode[]
  // Without an argument it reads the clock; several are read in the zone of the machine; a spread may be either.
  const isOneTime = first !== undefined && first.type !== 'SpreadElement' && rest.length === 0
  return isOneTime ? (object['callee'] as SyntaxNode) : undefined
}

/** What is taken from an object: by a dot, by a constant in brackets, or in a pattern. */
function memberName(node: SyntaxNode): string | undefined {
  if (node.type !== 'MemberExpression' && node.type !== 'Property') return undefined
  const key = (node.type === 'Property' ? node['key'] : node['property']) as SyntaxNode
  return node['computed'] === true || key.type !== 'Identifier' ? String(key['value']) : nameOf(key)
}

function nameOf(node: unknown): string | undefined {
  const { type, name } = node as SyntaxNode
  return type === 'Identifier' ? String(name) : undefined
}
