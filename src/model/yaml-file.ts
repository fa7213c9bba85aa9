/**
 * Reads files of people: YAML (and so JSON), checked against a schema, with errors that name file, line, column and
 * field.
 *
 * In a file of its own because the YAML parser is loaded only when somebody has such a file.
 */
import { isNode, isPair, isMap, isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml'
import type { z } from 'zod'
import { AlthingError, messageOf } from '../util/errors.ts'

/**
 * `too-large`, `bad-yaml` (not YAML, or an alias bomb), `bad-passport`, `bad-policy` and `bad-config` (YAML, but not
 * what was expected).
 */
export class YamlFileError extends AlthingError<
  'too-large' | 'bad-yaml' | 'bad-passport' | 'bad-policy' | 'bad-config'
> {}

/** What is expected of a file. */
export interface YamlExpectation<Value> {
  readonly schema: z.ZodType<Value>
  /** Of a document that is YAML, but not this. */
  readonly code: 'bad-passport' | 'bad-policy' | 'bad-config'
  /** As errors call one: `passport (kind: NodePassport)`, and many: `passports`. */
  readonly one: string
  readonly many: string
  readonly maxBytes: number
  readonly tooLargeFix: string
  readonly maxDocuments: number
}

/** A document of a file, and the way to tell of mistakes that its schema does not see. */
export interface YamlDocument<Value> {
  readonly value: Value
  /** @throws YamlFileError with each mistake where its field stands */
  refuse(faults: readonly { readonly path: readonly PropertyKey[]; readonly text: string }[]): never
}

/** Aliases may be used, but not to build more than the file shows. */
const MAX_ALIASES = 50
/** Deeper than any document; with the envelope around it still within what the wire carries (32). */
const MAX_DEPTH = 24
/** Problems listed in one error; the rest are counted. */
const MAX_PROBLEMS = 10

interface Problem {
  readonly line: number
  readonly column: number
  readonly path: string
  readonly text: string
}

function showPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((shown, part) => {
    if (typeof part === 'number') return `${shown}[${part}]`
    return shown === '' ? String(part) : `${shown}.${String(part)}`
  }, '')
}

/** What was found, in words, with the value when it is short. */
function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'an empty value'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return `the text ${JSON.stringify(value).slice(0, 60)}`
  // YAML has only these two more; template text keeps NaN and infinity apart, which JSON would not.
  return typeof value === 'number' || typeof value === 'boolean' ? `the ${typeof value} ${value}` : `a ${typeof value}`
}

/** What was expected, in the schema's words where it has none of its own. */
function describeExpected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'record' || issue.expected === 'object' ? 'a map' : `a ${issue.expected}`}`
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`
    case 'too_big':
      return `expected at most ${issue.maximum}${unitOf(issue.origin)}`
    case 'too_small':
      return `expected at least ${issue.minimum}${unitOf(issue.origin)}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message
    default:
      return issue.message
  }
}

/** What is counted where something is too large or too small. */
function unitOf(origin: string): string {
  if (origin === 'number' || origin === 'int') return ''
  return origin === 'string' ? ' characters' : ' entries'
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    return (value as Record<PropertyKey, unknown>)[part]
  }, root)
}

/** Offset of the value at `path`, or of its key for an unwanted key, or of what should have contained it. */
function offsetOf(document: Document, path: readonly PropertyKey[], wantKey: boolean): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && String(item.key) === String(last))
      const place = wantKey && length === path.length ? pair?.key : (pair?.value ?? pair?.key)
      if (isNode(place) && place.range) return place.range[0]
    }
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return document.contents?.range?.[0] ?? 0
}

function problemsOf(issue: z.core.$ZodIssue, document: Document, data: unknown, lines: LineCounter): Problem[] {
  const at = (path: readonly PropertyKey[], wantKey: boolean, text: string): Problem => {
    const { line, col } = lines.linePos(offsetOf(document, path, wantKey))
    return { line, column: col, path: showPath(path) || 'the document', text }
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => at([...issue.path, key], true, 'expected no such field'))
  }
  const found = valueAt(data, issue.path)
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string'
  const isPlain = typeof found === 'number' || typeof found === 'boolean'
  const hint = wantsText && isPlain ? ' (put it in quotes)' : ''
  return [
    at(issue.path, issue.code === 'invalid_key', `${describeExpected(issue)}, found ${describeFound(found)}${hint}`),
  ]
}

/**
 * What must not reach the parser's conversion to data: it writes out keys that are maps or lists as
 * text, doubling its length with every level (500 times `? ` took 43 s), and it recurses.
 */
function findUnsafe(document: Document, lines: LineCounter): Problem | undefined {
  let problem: Problem | undefined
  const stop = (node: unknown, text: string) => {
    problem = { ...placeOf(lines, (isNode(node) && node.range?.[0]) || 0), path: '', text }
    return visit.BREAK
  }
  visit(document, {
    Pair: (_key, pair) => (isScalar(pair.key) ? undefined : stop(pair.key, 'expected plain text as a key')),
    Collection: (_key, node, path) =>
      path.length > 2 * MAX_DEPTH ? stop(node, `nested deeper than ${MAX_DEPTH} levels`) : undefined,
  })
  return problem
}

function fail(fileName: string, code: YamlFileError['code'], problems: readonly Problem[]): never {
  const shown = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ line, column, path, text }) => `${fileName}:${line}:${column}: ${path === '' ? '' : `${path}: `}${text}`)
  if (problems.length > MAX_PROBLEMS) shown.push(`… and ${problems.length - MAX_PROBLEMS} more`)
  throw new YamlFileError(code, shown.join('\n'), { meta: { fileName, problems: problems.slice(0, MAX_PROBLEMS) } })
}

/** Levels of nesting, at most `limit`: aliases can make data deeper than its text, even endless. */
function depthOf(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null || limit === 0) return 0
  let deepest = 0
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child, limit - 1))
  return deepest + 1
}

function readDocument<Value>(
  document: Document,
  fileName: string,
  lines: LineCounter,
  { schema, code }: YamlExpectation<Value>,
): YamlDocument<Value> {
  const unsafe = findUnsafe(document, lines)
  if (unsafe !== undefined) return fail(fileName, 'bad-yaml', [unsafe])
  const start: Problem = { ...placeOf(lines, document.contents?.range?.[0] ?? 0), path: '', text: '' }
  let data: unknown
  try {
    data = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (cause) {
    return fail(fileName, 'bad-yaml', [{ ...start, text: messageOf(cause) }])
  }
  if (depthOf(data, MAX_DEPTH + 1) > MAX_DEPTH) {
    return fail(fileName, 'bad-yaml', [{ ...start, text: `nested deeper than ${MAX_DEPTH} levels` }])
  }
  const parsed = schema.safeParse(data)
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, document, data, lines))
    return fail(fileName, code, problems)
  }
  return {
    value: parsed.data,
    refuse: (faults) =>
      fail(
        fileName,
        code,
        faults.map(({ path, text }) => ({
          ...placeOf(lines, offsetOf(document, path, false)),
          path: showPath(path),
          text,
        })),
      ),
  }
}

function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  // A fresh counter answers 0 for an empty text; people count from 1.
  return { line: Math.max(1, line), column: Math.max(1, col) }
}

function parseDocuments(yamlText: string, fileName: string, lines: LineCounter): readonly Document[] {
  try {
    const documents = parseAllDocuments(yamlText, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
    return Array.isArray(documents) ? (documents as Document[]) : []
  } catch (cause) {
    // The parser recurses: text nested some thousand levels deep exhausts the stack.
    return fail(fileName, 'bad-yaml', [{ line: 1, column: 1, path: '', text: messageOf(cause) }])
  }
}

/**
 * The documents of a YAML text, in order, at least one. Empty documents (a trailing `---`) are skipped.
 * @param fileName named in errors only
 * @throws YamlFileError listing every problem as `file:line:column: field: expected …, found …`
 */
export function readYamlFile<Value>(
  yamlText: string,
  fileName: string,
  expected: YamlExpectation<Value>,
): YamlDocument<Value>[] {
  const { code, one, many, maxBytes, maxDocuments } = expected
  if (yamlText.length > maxBytes) {
    throw new YamlFileError('too-large', `${fileName}: larger than ${maxBytes / 1024} KiB`, {
      fix: expected.tooLargeFix,
      meta: { fileName },
    })
  }
  const lines = new LineCounter()
  const documents = parseDocuments(yamlText, fileName, lines)
  const problems = documents.flatMap((document) =>
    document.errors.map((error): Problem => ({ ...placeOf(lines, error.pos[0]), path: '', text: error.message })),
  )
  if (problems.length > 0) return fail(fileName, 'bad-yaml', problems)
  const filled = documents.filter(
    ({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null),
  )
  if (filled.length === 0) {
    return fail(fileName, code, [{ line: 1, column: 1, path: '', text: `expected a ${one}, found nothing` }])
  }
  if (filled.length > maxDocuments) {
    const place = placeOf(lines, filled[maxDocuments]!.contents!.range![0])
    return fail(fileName, code, [{ ...place, path: '', text: `more than ${maxDocuments} ${many}` }])
  }
  return filled.map((document) => readDocument(document, fileName, lines, expected))
}
