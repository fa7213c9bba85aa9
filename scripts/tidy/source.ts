/**
 * The files of the repository as the checks see them: text, and for TypeScript its syntax tree and
 * imports. Checks take these values and never read the disk, so that a test can plant a violation.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { parseSync } from 'vite'

/** A node of the ESTree that the parser gives; the checks look only at what they know. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** One import or re-export, static or dynamic. */
export interface Import {
  readonly specifier: string
  /** The file it means, relative to the repository; undefined for packages. */
  readonly target: string | undefined
  /** Erased before the program runs. */
  readonly typeOnly: boolean
  readonly line: number
}

/** A file that is checked. Paths are relative to the repository, with forward slashes. */
export interface Source {
  readonly path: string
  readonly text: string
  /** Present for .ts and .tsx. */
  readonly code?: { readonly program: SyntaxNode; readonly comments: readonly SyntaxNode[]; readonly imports: Import[] }
}

/** Something to put right. */
export interface Problem {
  readonly path: string
  readonly line: number
  /** The name of the rule, as CONTRIBUTING.md lists them. */
  readonly rule: string
  readonly message: string
}

const IGNORED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', '.git', '.bench'])
const CHECKED = /\.(ts|tsx|cjs|css|html|json|yaml|sh)$|^bin\/|^\.ci\//

/** All checked files below `root`. */
export function readSources(root: string): Source[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.split('/').some((part) => IGNORED_FOLDERS.has(part)))
    .filter((path) => CHECKED.test(path) && path !== 'package-lock.json')
    .toSorted()
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')))
}

/** A file from its text. @throws SyntaxError when it does not parse */
export function parseSource(path: string, text: string): Source {
  if (!/\.tsx?$/.test(path)) return { path, text }
  const { program, comments, module, errors } = parseSync(path, text)
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors[0]!.message}`)

  const add = (specifier: string, start: number, typeOnly: boolean): Import => ({
    specifier,
    target: resolveImport(path, specifier),
    typeOnly,
    line: lineOf(text, start),
  })
  const imports = [
    ...module.staticImports.map((found) =>
      add(found.moduleRequest.value, found.start, found.entries.length > 0 && found.entries.every((e) => e.isType)),
    ),
    ...module.staticExports.flatMap((found) => {
      const from = found.entries.find((entry) => entry.moduleRequest !== null)?.moduleRequest
      return from
        ? [
            add(
              from.value,
              found.start,
              found.entries.every((entry) => entry.isType),
            ),
          ]
        : []
    }),
    ...module.dynamicImports.map((found) => {
      const raw = text.slice(found.moduleRequest.start, found.moduleRequest.end)
      // A computed specifier cannot be checked, so it counts as one that nothing allows.
      return add(/^(['"])(.*)\1$/.exec(raw)?.[2] ?? `computed: ${raw}`, found.start, false)
    }),
    ...typeImports(program as unknown as SyntaxNode).map((node) => add(node.specifier, node.start, true)),
  ]
  const nodes = comments.map((comment): SyntaxNode => ({ ...comment }))
  return { path, text, code: { program: program as unknown as SyntaxNode, comments: nodes, imports } }
}

/** `import('./x.ts').T` in a type. */
function typeImports(program: SyntaxNode): { specifier: string; start: number }[] {
  const found: { specifier: string; start: number }[] = []
  walk(program, (node) => {
    if (node.type !== 'TSImportType') return
    const source = node['source'] as SyntaxNode | undefined
    found.push({ specifier: String(source?.['value']), start: node.start })
  })
  return found
}

/** Calls `visit` for every node below and including `node`; returning false keeps it out of the children. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => boolean | void): void {
  if (visit(node) === false) return
  for (const child of childrenOf(node)) walk(child, visit)
}

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** The line, counted from one, of a character of the text. */
export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}

function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.normalize(posix.join(dirname(from), specifier)) : undefined
}
