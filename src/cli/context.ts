/** What every command has at hand: the options all commands share, the daemon, and where to write. */
import type { Command } from 'commander'
import { PathError, resolvePaths, type NodePaths } from '../node/paths.ts'
import { isSubdomain } from '../model/label-grammar.ts'
import { DaemonClient } from './client.ts'
import { usageError } from './errors.ts'
import { filled } from './options.ts'
import { remoteTransport } from './remote.ts'
import { drawTable, type Cell, type Column } from './table.ts'
import { painter, shownWord, type Paint } from './terminal.ts'
import { socketTransport, within, type Transport } from './transport.ts'

export interface Context {
  /** Asks the cluster that `--in` names, and the daemon's first otherwise. */
  readonly client: DaemonClient
  /** As named by `--in`; of several only `run` makes anything. */
  readonly clusters: readonly string[]
  /** Asks another of the daemon's clusters; without a name its first. */
  clientOf(cluster: string | undefined): DaemonClient
  readonly paths: NodePaths
  /** The daemon is that of another machine. */
  readonly isRemote: boolean
  /** Data as JSON instead of text. */
  readonly json: boolean
  /** Colours for stdout. */
  readonly paint: Paint
  /** Data, to stdout. */
  print(text: string): void
  /** One JSON document, to stdout. */
  printJson(value: unknown): void
  printTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): void
  /** A message for whoever watches, to stderr. */
  note(text: string): void
}

interface SharedOptions {
  dataDir?: string
  socket?: string
  api?: string
  tokenFile?: string
  ca?: string
  in?: string[]
  json?: boolean
  color: boolean
}

const directory = filled('a directory, such as /var/lib/althing')
const socketFile = filled('the path of a socket, such as /run/althing/althing.sock')

const apiUrl = filled('an address, such as https://attic.example:4443')
const aFile = filled('the path of a file')

/** Names with commas between them. */
function clusterNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name) => isSubdomain(name) && name.length <= 63)) return names
  throw new Error('expected the name of a cluster, as `althing clusters` lists it')
}

/** Gives a command the options that all have. */
export function addShared(command: Command): Command {
  return command
    .optionsGroup('Options of every command:')
    .option('--data-dir <dir>', 'the data directory of the daemon (ALTHING_DATA_DIR)', directory)
    .option('--socket <path>', 'the socket of the daemon (ALTHING_SOCKET)', socketFile)
    .option('--api <url>', 'the daemon of another machine, such as https://attic.example:4443 (ALTHING_API)', apiUrl)
    .option('--token-file <file>', 'with --api: the token to ask with (or ALTHING_TOKEN, ALTHING_TOKEN_FILE)', aFile)
    .option('--ca <file>', 'with --api: who issued its certificate, in PEM (ALTHING_CA)', aFile)
    .option('--in <cluster>', 'which of the clusters the daemon is in (default: its first)', clusterNames)
    .option('--json', 'print JSON')
    .option('--no-color', 'no colours; NO_COLOR does the same')
    .helpOption('-h, --help', 'show help')
}

/** The shared options of a command, wherever on the line they stood: the innermost wins. */
function sharedOptions(command: Command): SharedOptions {
  const levels: Partial<SharedOptions>[] = []
  for (let at: Command | null = command; at !== null; at = at.parent) levels.unshift(at.opts<SharedOptions>())
  // `--no-color` counts on any level: each level without it says `color: true`.
  return { ...Object.assign({}, ...levels), color: levels.every(({ color }) => color !== false) } as SharedOptions
}

/** Whether a command prints JSON. */
export function wantsJson(command: Command): boolean {
  return sharedOptions(command).json === true
}

/** The paths the shared options and the environment lead to. @throws CliError usage, when one is too long */
export function pathsOf(command: Command): NodePaths {
  const { dataDir, socket } = sharedOptions(command)
  const env = socket === undefined ? process.env : { ...process.env, ALTHING_SOCKET: socket }
  try {
    return resolvePaths({ dataDir, env })
  } catch (error) {
    throw error instanceof PathError ? usageError(error.message, error.fix) : error
  }
}

/** Where the data directory was named, as a message begins. */
export function dataDirSource(command: Command): string {
  const { dataDir } = sharedOptions(command)
  if (dataDir !== undefined) return `--data-dir ${shownWord(dataDir)}`
  const { ALTHING_DATA_DIR: named } = process.env
  if (named !== undefined && named !== '') return `ALTHING_DATA_DIR=${shownWord(named)}`
  return `the data directory ${shownWord(pathsOf(command).dataDir)}`
}

/**
 * The daemon a command speaks to: of this machine, or of another.
 * @param connections to the daemon at once
 * @throws CliError usage
 */
export function contextOf(command: Command, connections?: number): Context {
  const context = makeContext(command, remotePlace(sharedOptions(command)), connections)
  if (context.clusters.length > 1) throw usageError('--in: only `althing run` takes more than one cluster')
  return context
}

/** As `contextOf`, for a command that can be about several clusters: `client` asks the first of the daemon. */
export function contextOfMany(command: Command): Context {
  return makeContext(command, remotePlace(sharedOptions(command)))
}

/** For commands that are about this machine: what the environment says of another does not concern them. */
export function localContextOf(command: Command): Context {
  if (sharedOptions(command).api !== undefined)
    throw usageError(`\`althing ${command.name()}\` is about this machine: it takes no --api`)
  return makeContext(command, undefined)
}

/**
 * The address of the daemon, if it is that of another machine. A flag counts more than the environment, also one that
 * names a daemon of this machine.
 */
function remotePlace({ api, tokenFile, ca, socket, dataDir }: SharedOptions): string | undefined {
  if (api !== undefined && socket !== undefined)
    throw usageError('--api and --socket name two daemons: give one of them')
  const isLocal = api === undefined && (socket !== undefined || dataDir !== undefined)
  const place = api ?? (isLocal ? undefined : nonEmpty(process.env['ALTHING_API']))
  if (place === undefined && (tokenFile !== undefined || ca !== undefined))
    throw usageError('--token-file and --ca are for the daemon of another machine: name it by --api')
  return place
}

/** @throws CliError usage, without a token or for files that cannot be read */
function transportTo(place: string, { tokenFile, ca }: SharedOptions): Transport {
  const { ALTHING_TOKEN, ALTHING_TOKEN_FILE, ALTHING_CA } = process.env
  const text = nonEmpty(ALTHING_TOKEN)
  const file = tokenFile ?? (text === undefined ? nonEmpty(ALTHING_TOKEN_FILE) : undefined)
  const token = file === undefined ? text && { text } : { file }
  return remoteTransport({ api: place, token: token || undefined, caFile: ca ?? nonEmpty(ALTHING_CA) })
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}

function makeContext(command: Command, place: string | undefined, connections?: number): Context {
  const options = sharedOptions(command)
  const { json = false, color, in: clusters = [] } = options
  const paths = pathsOf(command)
  const paint = painter(process.stdout, color)
  let client: DaemonClient | undefined
  const clientOf = (cluster: string | undefined) => {
    const way = place === undefined ? socketTransport(paths.socketPath) : transportTo(place, options)
    return new DaemonClient(cluster === undefined ? way : within(way, cluster), connections)
  }
  return {
    clusters,
    clientOf,
    // Made when it is used: what needs no daemon is not to fail by what the environment says of one.
    get client() {
      return (client ??= clientOf(clusters.length === 1 ? clusters[0] : undefined))
    },
    paths,
    isRemote: place !== undefined,
    json,
    paint,
    print: (text) => void process.stdout.write(`${text}\n`),
    printJson: (value) => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    printTable: (columns, rows) => void process.stdout.write(drawTable(columns, rows, paint, terminalWidth())),
    note: (text) => void process.stderr.write(`${text}\n`),
  }
}

/** What is piped is for programs: they get everything. */
function terminalWidth(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined
}
