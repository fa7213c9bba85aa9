/**
 * Who may import whom (docs/ARCHITECTURE.md): the core is layered, adapters see only the vocabulary,
 * and only `node/` joins the two.
 */
import type { Import, Problem, Source } from './source.ts'

/** From the innermost outwards; a folder may import those before its line, not its siblings. */
const LAYERS: readonly (readonly string[])[] = [
  ['util'],
  ['model'],
  ['wire'],
  ['registry', 'topology', 'governance', 'policy', 'health', 'audit', 'diagnosis'],
  ['negotiation'],
  ['workload'],
  ['mesh'],
  ['node'],
  ['status', 'facades', 'cli'],
]

/** They speak to the outside world; nobody but `node/` may know them (`reach` aside: see `CLI_FOLDERS`). */
const ADAPTERS = ['hw', 'drivers', 'store', 'peer', 'reach']
const VOCABULARY = ['util', 'model', 'wire']

/** The daemon as a whole, entry of its bundle: it puts node, status and facades together. */
const DAEMON = 'src/cli/run-daemon.ts'
/**
 * Where no daemon runs, `althing doctor` has to find what is wrong, `althing audit verify FILE` what a file proves, and
 * `althing gov` to sign and verify: the CLI measures and judges as the daemon does.
 */
const CLI_FOLDERS = [...VOCABULARY, 'audit', 'governance', 'diagnosis', 'reach']
/** `althing up` starts the daemon; nobody else in the CLI knows it. */
const CLI_UP = /^src\/cli\/(commands\/)?up(\/.*|-.*|\.ts)$/
/** The CLI talks to the daemon through its API; these say where it is, who holds it, how old we are, and keep keys. */
const CLI_MAY_IMPORT = [
  'src/node/identity.ts',
  'src/node/paths.ts',
  'src/node/lock.ts',
  'src/node/process-start.ts',
  'src/node/version.ts',
]

/** Packages that one folder is there to hide. */
const PACKAGE_OWNERS: readonly { readonly owner: string; readonly packages: RegExp }[] = [
  { owner: 'peer', packages: /^(libp2p|@libp2p\/(?!crypto$|crypto\/|peer-id$|interface$).*|@chainsafe\/.*)$/ },
  { owner: 'hw', packages: /^systeminformation$/ },
  { owner: 'cli', packages: /^commander$/ },
]

function allowedFolders(folder: string): readonly string[] | undefined {
  if (ADAPTERS.includes(folder)) return VOCABULARY
  if (folder === 'cli') return CLI_FOLDERS
  const level = LAYERS.findIndex((layer) => layer.includes(folder))
  if (level === -1) return undefined
  const inner = LAYERS.slice(0, level).flat()
  return folder === 'node' ? [...inner, ...ADAPTERS] : inner
}

function folderOf(path: string): string {
  return path.split('/')[1] ?? ''
}

/** Imports across layers that the rule does not allow. */
export function checkLayers(sources: readonly Source[]): Problem[] {
  return sources.flatMap((source) => {
    const faults = (source.code?.imports ?? []).map((found) => ({ found, message: faultOf(source, found) }))
    return faults.flatMap(({ found, message }) =>
      message === undefined ? [] : [{ path: source.path, line: found.line, rule: 'layers', message }],
    )
  })
}

function faultOf(source: Source, found: Import): string | undefined {
  const { path } = source
  if (path.startsWith('web/')) return faultOfPage(found)
  if (!path.startsWith('src/')) return undefined
  if (found.target === undefined) return faultOfPackage(path, found)
  if (!found.target.startsWith('src/')) return `src/ imports nothing outside itself, so not ${found.target}`
  if (found.target === DAEMON && !CLI_UP.test(path)) return `only \`althing up\` starts ${DAEMON}`
  return faultOfFolder(path, found.target)
}

function faultOfFolder(path: string, target: string): string | undefined {
  const folder = folderOf(path)
  const targetFolder = folderOf(target)
  if (folder === targetFolder) return undefined
  if (path === DAEMON && ['node', 'status', 'facades'].includes(targetFolder)) return undefined
  if (folder === 'cli' && CLI_MAY_IMPORT.includes(target)) return undefined
  if (CLI_UP.test(path) && targetFolder === 'node') return undefined

  const allowed = allowedFolders(folder)
  if (allowed === undefined) return `src/${folder}/ is in no layer; add it to scripts/tidy/layers.ts`
  if (allowed.includes(targetFolder)) return undefined
  return `src/${folder}/ may not import src/${targetFolder}/; it may import ${allowed.join(', ') || 'nothing'}`
}

function faultOfPackage(path: string, { specifier }: Import): string | undefined {
  const owned = PACKAGE_OWNERS.find(({ packages }) => packages.test(specifier))
  if (owned === undefined || owned.owner === folderOf(path)) return undefined
  return `only src/${owned.owner}/ knows ${specifier}`
}

function faultOfPage({ target, typeOnly }: Import): string | undefined {
  if (target === undefined || target.startsWith('web/')) return undefined
  if (target.startsWith('src/model/') && typeOnly) return undefined
  return `the page imports only types, and only of src/model/, so not ${target}`
}

/** Files of `src/` that import each other in a ring, types included. Each ring is reported once. */
export function checkCycles(sources: readonly Source[]): Problem[] {
  const byPath = new Map(sources.filter(({ path }) => path.startsWith('src/')).map((source) => [source.path, source]))
  const problems: Problem[] = []
  const done = new Set<string>()
  const trail: string[] = []

  const visit = (path: string): void => {
    const at = trail.indexOf(path)
    if (at !== -1) {
      const ring = [...trail.slice(at), path]
      problems.push({ path, line: 1, rule: 'no-cycle', message: `imports go round: ${ring.join(' → ')}` })
      return
    }
    const source = byPath.get(path)
    if (source === undefined || done.has(path)) return
    trail.push(path)
    for (const { target } of source.code?.imports ?? []) if (target !== undefined) visit(target)
    trail.pop()
    done.add(path)
  }
  for (const path of byPath.keys()) visit(path)
  return problems
}
