/**
 * How files look: what the formatter and the linter cannot say.
 */
import { basename } from 'node:path'
import { lineOf } from './source.ts'
import type { Problem, Source, SyntaxNode } from './source.ts'

/** A file is one idea; beyond this it is two. */
const MAX_LINES = 300
const MAX_COLUMNS = 120

const KEBAB_CASE = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/
/** Folders that name no idea. */
const VAGUE_FOLDERS = new Set(['utils', 'helpers', 'common', 'misc', 'lib'])
/** These two speak of what they forbid. */
const SPEAKS_OF_THE_RULES = /^(scripts\/tidy\/|test\/unit\/scripts\/)/

interface TextRule {
  readonly rule: string
  readonly pattern: RegExp
  readonly message: string
  readonly applies: (path: string) => boolean
}

const TEXT_RULES: readonly TextRule[] = [
  {
    rule: 'unfinished',
    pattern: /\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b/,
    message: 'finish it, or open an issue and say here what holds today',
    applies: () => true,
  },
  {
    rule: 'no-sleep',
    // `sleep(` and friends when awaited, and the promise around a timer that everyone writes.
    pattern: /await (sleep|delay|wait|setTimeout)\(|setTimeout\(\s*(resolve|res|done|r)\b|'(node:)?timers\/promises'/,
    message: 'tests do not sleep: wait for the event, with a deadline (test/support/)',
    applies: (path) => path.startsWith('test/') && !path.startsWith('test/support/'),
  },
  {
    rule: 'machine-path',
    pattern: /(?<![\w.$}/-])\/(work|root|Users|home\/(?!ada\b)[a-z]+|tmp)\/[a-z0-9]/,
    message: 'a path of somebody’s machine; use os.tmpdir(), os.homedir() or a path relative to the repository',
    applies: () => true,
  },
]

/** Length, names, words and comments. */
export function checkStyle(sources: readonly Source[]): Problem[] {
  return sources.flatMap((source) => [
    ...checkNames(source),
    ...checkLengths(source),
    ...checkText(source),
    ...checkExports(source),
  ])
}

function checkNames({ path }: Source): Problem[] {
  const problems: Problem[] = []
  const report = (rule: string, message: string): number => problems.push({ path, line: 1, rule, message })
  if (!KEBAB_CASE.test(basename(path))) report('kebab-case', 'file names are kebab-case')
  const vague = path.split('/').find((part) => VAGUE_FOLDERS.has(part))
  if (vague !== undefined) report('vague-folder', `a folder is named for its idea, not "${vague}"`)
  return problems
}

function checkLengths({ path, text }: Source): Problem[] {
  const lines = text.split('\n')
  // JSON has no way to break a string.
  const wide = path.endsWith('.json') ? [] : lines
  const problems = wide.flatMap((line, index): Problem[] => {
    const columns = Array.from(line).length
    if (columns <= MAX_COLUMNS) return []
    return [{ path, line: index + 1, rule: 'max-columns', message: `${columns} columns; at most ${MAX_COLUMNS}` }]
  })
  const count = lines.length - 1
  if (/^(src|scripts|web)\/.*\.tsx?$/.test(path) && count > MAX_LINES) {
    problems.push({ path, line: count, rule: 'max-lines', message: `${count} lines; at most ${MAX_LINES}: split it` })
  }
  return problems
}

function checkText({ path, text }: Source): Problem[] {
  if (SPEAKS_OF_THE_RULES.test(path)) return []
  return TEXT_RULES.filter(({ applies }) => applies(path)).flatMap(({ rule, pattern, message }) =>
    text.split('\n').flatMap((line, index) => {
      const found = pattern.exec(line)
      return found === null ? [] : [{ path, line: index + 1, rule, message: `"${found[0]}": ${message}` }]
    }),
  )
}

const DOCUMENTED = new Set([
  'FunctionDeclaration',
  'ClassDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
])

/**
 * Exported functions, classes and types carry a comment. A type may lean on the schema of its name,
 * an interface on the comments of all its members, and what the file is named for on the file's own.
 */
function checkExports({ path, text, code }: Source): Problem[] {
  if (code === undefined) return []
  const statements = code.program['body'] as SyntaxNode[]
  const problems: Problem[] = []
  const report = (node: SyntaxNode, rule: string, message: string): number =>
    problems.push({ path, line: lineOf(text, node.start), rule, message })

  const exported = statements.flatMap((statement) => {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement['declaration'] : null
    return declaration === null ? [] : [{ statement, declaration: declaration as SyntaxNode }]
  })
  const isDocumented = (node: SyntaxNode): boolean => hasDocComment(node, code.comments, text)
  const documented = new Set(
    exported
      .filter(({ statement, declaration }) => isDocumented(statement) || membersOf(declaration)?.every(isDocumented))
      .flatMap(({ declaration }) => namesOf(declaration)),
  )
  if (text.startsWith('/**')) documented.add(namesakeOf(path))
  for (const { statement, declaration } of exported) {
    if (!path.startsWith('src/') || !DOCUMENTED.has(declaration.type)) continue
    const name = namesOf(declaration)[0]
    if (name !== undefined && !documented.has(name)) {
      report(statement, 'doc-comment', `${name} is exported: say above it, in /** … */, what it is for`)
    }
  }
  if (!path.endsWith('.config.ts')) {
    const byDefault = statements.find(({ type }) => type === 'ExportDefaultDeclaration')
    if (byDefault !== undefined) report(byDefault, 'no-default-export', 'export it by name')
  }
  return problems
}

function namesOf(declaration: SyntaxNode): string[] {
  const declared =
    declaration.type === 'VariableDeclaration' ? (declaration['declarations'] as SyntaxNode[]) : [declaration]
  return declared.flatMap((node) => {
    const name = (node['id'] as SyntaxNode | null)?.['name']
    return typeof name === 'string' ? [name] : []
  })
}

/** The members of an interface that has some. */
function membersOf(declaration: SyntaxNode): SyntaxNode[] | undefined {
  if (declaration.type !== 'TSInterfaceDeclaration') return undefined
  const members = (declaration['body'] as SyntaxNode)['body'] as SyntaxNode[]
  return members.length === 0 ? undefined : members
}

/** `src/util/bounded-map.ts` is about BoundedMap. */
function namesakeOf(path: string): string {
  const words = basename(path)
    .replace(/\.tsx?$/, '')
    .split('-')
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function hasDocComment(statement: SyntaxNode, comments: readonly SyntaxNode[], text: string): boolean {
  return comments.some(
    (comment) =>
      comment.end <= statement.start &&
      String(comment['value']).startsWith('*') &&
      text.slice(comment.end, statement.start).trim() === '',
  )
}
