/** `althing up`: starts this machine's daemon. */
import { existsSync } from 'node:fs'
import type { Command, Option } from 'commander'
import type { StatusView } from '../../model/api.ts'
import { faultOfSetting } from '../../model/settings.ts'
import {
  faultOfCluster,
  faultOfJoin,
  faultOfLabel,
  faultOfListen,
  faultOfName,
  faultOfPeer,
  MAX_LABELS,
} from '../../node/option-values.ts'
import { DEFAULT_CLUSTER, DEFAULT_PAGE, DEFAULT_PORT, LOG_LEVELS } from '../../node/options.ts'
import type { DaemonOptions, LogLevel } from '../../node/options.ts'
import { CliError, usageError } from '../errors.ts'
import { localContextOf, dataDirSource, pathsOf, type Context } from '../context.ts'
import { describeStatus, pageLink } from '../describe-status.ts'
import { checkDirectory, checkFile } from '../files.ts'
import { bytes, checked, cpu, each, filled, integer, keyValue, oneOf, pairs } from '../options.ts'
import { addApiOptions, apiOptions, type ApiOptions } from '../up/api-options.ts'
import { becomeDaemon } from '../up/become.ts'
import { shownWord } from '../terminal.ts'

/** The options of `althing up`, as parsed; what is absent is the daemon's to decide. */
interface UpOptions extends ApiOptions {
  join?: string[]
  listen?: string[]
  name?: string
  label?: Record<string, string>
  cluster?: string
  open?: boolean
  isolatedNetwork?: boolean
  detach?: boolean
  port?: number
  page: boolean
  pagePort?: number
  passport?: string[]
  trust?: string[]
  mdns: boolean
  relay?: boolean
  dht?: boolean
  public?: boolean
  cpu?: number
  memory?: number
  set?: Record<string, string>
  config?: string
  logLevel?: LogLevel
}

const configFile = filled('a file, such as /etc/althing/config.yaml')

/** Options that a variable can say, in place of the file: those that take a word. */
const BY_ENVIRONMENT: ReadonlySet<string> = new Set([
  ...['--name', '--cluster', '--port', '--page-port', '--cpu', '--memory', '--log-level', '--join', '--listen'],
])

const readLabel = pairs(keyValue('zone=attic', faultOfLabel))
const readSet = pairs(keyValue('bids.window=1s', faultOfSetting))

/** Written out: the mesh's own configuration brings the schemas, which cost a command 30 ms. A test compares. */
const ENVIRONMENT_HELP = `
What is not on the command line is as the environment says, or else the file of options (\`althing config schema\`):
  ${[...BY_ENVIRONMENT].map(variableOf).join(' ')}
Environment, in milliseconds, the same on all hosts of a mesh:
  ALTHING_BEAT_MS   between two heartbeats, 100 to 1800000 (default: 10000)
  ALTHING_LEASE_MS  silence until offline, where watchers do not notice sooner; two beats or more (default: 30000)
  ALTHING_DEAD_MS   silence until no longer listed; above the lease, a day at most (default: 60000)

For tests of small meshes, the same on all hosts:
  ALTHING_CUT_ABOVE members above which a mesh is cut into wards, 4 to 1000 (default: 1000)`

/** Adds the command. */
export function register(program: Command): void {
  const command = program
    .command('up')
    .summary("start this machine's daemon")
    .description(
      'Start the daemon of this machine, in the foreground unless --detach is given. It meets others on the local ' +
        'network by itself, and those named by --join. It runs tasks of itself and of the peers it trusts.',
    )
    .option(
      '--join <address>',
      'a full address to join by, as `althing status` prints it there; may be given again',
      each(checked(faultOfJoin)),
    )
    .option(
      '--listen <address>',
      'an address to listen on, such as /ip4/10.0.0.5/tcp/4100; may be given again (default: private addresses)',
      each(checked(faultOfListen)),
    )
    .option(
      '--port <port>',
      `port of the mesh; 0: any; what --listen names has its own (default: ${DEFAULT_PORT}, or any when that is taken)`,
      integer(0, 65_535, DEFAULT_PORT),
    )
    .option('--public', 'listen and dial beyond private networks')
    .option('--no-mdns', 'do not look for others on the local network')
    .option('--dht', 'look for members by way of members too (a distributed hash table; costs some memory)')
    .option('--relay', 'relay for members that cannot be dialled (default, but not with --public)')
    .option('--no-relay', 'do not relay for others')
    .option('--name <name>', 'shown in lists: lower-case, as a DNS name (default: the host name)', checked(faultOfName))
    .option('--label <key=value>', 'a label to select by; may be given again', readLabel)
    .option(
      '--cluster <name>',
      `meet only those of this cluster (default: "${DEFAULT_CLUSTER}")`,
      checked(faultOfCluster),
    )
    .option(
      '--passport <file>',
      'publish the passports of a file; may be given again',
      each(filled('a file, such as ./passport.yaml')),
    )
    .option('--trust <peer>', 'run tasks of this peer; may be given again', each(checked(faultOfPeer)))
    .option('--open', 'run tasks of ANYONE who connects: for trials in closed networks only')
    .option('--isolated-network', "let isolated tasks use this machine's network (default: they have none)")
    .option('--cpu <cores>', 'offer so many cores: 2, 0.5, 500m; 0: run nothing (default: all)', cpu(0))
    .option('--memory <bytes>', 'offer so much memory: 512Mi, 2Gi; 0: run nothing (default: all)', bytes(0))
    .option(
      '--page-port <port>',
      `port of the status page; 0: any (default: ${DEFAULT_PAGE.port})`,
      integer(0, 65_535, DEFAULT_PAGE.port),
    )
    .option('--no-page', 'no status page')
    .option('--log-level <level>', `${LOG_LEVELS.join(', ')} (default: info)`, oneOf(LOG_LEVELS))
    .option('--set <key=value>', 'a setting, as `althing config get` lists them; may be given again', readSet)
    .option(
      '--config <file>',
      'the file of options (ALTHING_CONFIG; default: config.yaml, where there is one)',
      configFile,
    )
    .option('--detach', 'run in the background; waits until it is ready')
  addApiOptions(command)
    .addHelpText(
      'after',
      '\nExamples:\n  althing up\n  althing up --detach --name attic --label zone=attic\n' +
        '  althing up --join /ip4/10.0.0.5/tcp/4100/p2p/12D3KooW…\n' +
        '  althing up --api-listen 10.0.0.5:4443 --tls-cert cert.pem --tls-key key.pem --api-allow 10.0.0.0/8\n' +
        ENVIRONMENT_HELP,
    )
    .action(up)
}

async function up(given: UpOptions, command: Command): Promise<void> {
  const options = withEnvironment(given, command)
  const context = localContextOf(command)
  await refuseSecond(context)
  for (const file of options.passport ?? []) checkFile(file, `--passport ${shownWord(file)}`, './passport.yaml')
  // Before anything is written.
  const handed = await withFile(daemonOptions(options, command), options.config)
  if (Object.keys(handed.labels ?? {}).length > MAX_LABELS)
    throw usageError(`more than ${MAX_LABELS} labels, by --label and the file of options together`)
  checkDirectory(context.paths.dataDir, 0o700, dataDirSource(command), '~/.local/state/althing')
  if (options.detach !== true) return becomeDaemon({ options: handed, json: context.json })
  const { startDetached } = await import('../up/detach.ts')
  const status = await startDetached(context, process.argv.slice(2))
  return context.json
    ? context.printJson(status)
    : context.print(describeStatus(status, context.paint, pageLink(status, status.dataDir)))
}

/** What the environment says of options that are not on the command line. @throws CliError usage */
function withEnvironment(options: UpOptions, command: Command): UpOptions {
  const said: Record<string, unknown> = { ...options }
  for (const option of command.options) {
    if (!BY_ENVIRONMENT.has(option.long ?? '')) continue
    const text = process.env[variableOf(option.long!)] ?? ''
    const name = option.attributeName()
    if (text !== '' && said[name] === undefined) said[name] = readVariable(option, text)
  }
  return said as unknown as UpOptions
}

/** @throws CliError usage, naming the variable: no such flag was given */
function readVariable({ long, parseArg }: Option, text: string): unknown {
  try {
    return parseArg!(text, undefined)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    throw usageError(error.message.replace(`${long} `, `${variableOf(long!)}=`))
  }
}

/** `--page-port` is `ALTHING_PAGE_PORT`. */
function variableOf(long: string): string {
  return `ALTHING_${long.slice(2).replaceAll('-', '_').toUpperCase()}`
}

/** Over what the file says, if there is one: of a file that was named there must be one. */
async function withFile(options: DaemonOptions, named: string | undefined): Promise<DaemonOptions> {
  const { ALTHING_CONFIG: byEnvironment = '' } = process.env
  const path = named ?? options.paths.configFile
  if (named === undefined && byEnvironment === '' && !existsSync(path)) return options
  const { merged, readConfigFile } = await import('../up/config-file.ts')
  return merged(readConfigFile(path), options)
}

/** The daemon's own lock says so too; this says it before anything is started or written. */
async function refuseSecond({ client, paths }: Context): Promise<void> {
  const running = await client.get<StatusView>('/v1/status').catch(() => undefined)
  if (running === undefined) return
  throw new CliError(
    'already-up',
    `a daemon already runs here: ${running.name}, pid ${running.pid}, socket ${paths.socketPath}`,
    {
      fix: '`althing status` shows it, `althing down` ends it; --data-dir starts another beside it',
    },
  )
}

function daemonOptions(options: UpOptions, command: Command): DaemonOptions {
  const { name, cluster, label, open, logLevel } = options
  const capacity = {
    ...(options.cpu !== undefined && { cpuMilli: options.cpu }),
    ...(options.memory !== undefined && { memoryBytes: options.memory }),
  }
  return {
    paths: pathsOf(command),
    ...(name !== undefined && { name }),
    ...(cluster !== undefined && { cluster }),
    ...(options.join !== undefined && { join: options.join }),
    ...(options.listen !== undefined && { listen: options.listen }),
    ...(options.port !== undefined && { port: options.port }),
    ...(options.public === true && { publicNetwork: true }),
    ...(!options.mdns && { mdns: false }),
    ...(options.dht === true && { dht: true }),
    ...(options.relay !== undefined && { relay: options.relay }),
    ...(open === true && { open }),
    ...(options.isolatedNetwork === true && { isolatedNetwork: true }),
    ...(options.trust !== undefined && { trust: options.trust }),
    ...(label !== undefined && { labels: label }),
    ...(options.set !== undefined && { settings: options.set }),
    ...(options.passport !== undefined && { passportFiles: options.passport }),
    ...(Object.keys(capacity).length > 0 && { capacity }),
    ...pageOption(options),
    ...apiOptions(options),
    ...(logLevel !== undefined && { logLevel }),
  }
}

/** Only what was said: the file and the daemon's defaults decide the rest. */
function pageOption({ page, pagePort }: UpOptions): Pick<DaemonOptions, 'page'> {
  if (!page) return { page: false }
  return pagePort === undefined ? {} : { page: { host: DEFAULT_PAGE.host, port: pagePort } }
}
