/** `althing up`: starts this machine's daemon. */
import type { Command } from 'commander'
import type { StatusView } from '../../model/api.ts'
import { DEFAULT_PAGE, DEFAULT_PORT, type DaemonOptions } from '../../node/options.ts'
import { CliError } from '../errors.ts'
import { contextOf, pathsOf, type Context } from '../context.ts'
import { describeStatus } from '../describe-status.ts'
import { bytes, collect, cpu, integer, pair } from '../options.ts'
import { becomeDaemon } from '../up/become.ts'

/** The options of `althing up`, as parsed; what is absent is the daemon's to decide. */
interface UpOptions {
  join?: string[]
  listen?: string[]
  name?: string
  label?: Record<string, string>
  cluster?: string
  open?: boolean
  detach?: boolean
  port?: number
  page: boolean
  pagePort?: number
  passport?: string[]
  trust?: string[]
  mdns: boolean
  public?: boolean
  cpu?: number
  memory?: number
  logLevel?: 'debug' | 'info' | 'warn' | 'error'
}

const port = integer(0, 65_535)

/** Adds the command. */
export function register(program: Command): void {
  program
    .command('up')
    .summary("start this machine's daemon")
    .description(
      'Start the daemon of this machine, in the foreground unless --detach is given. It meets others on the local\n' +
        'network by itself, and those named by --join. It runs tasks of itself and of the peers it trusts.',
    )
    .option('--join <address>', 'a full multiaddr to join by; may be given again', collect)
    .option('--listen <address>', 'a multiaddr to listen on; may be given again (default: private addresses)', collect)
    .option('--port <port>', `port of the mesh; 0: any (default: ${DEFAULT_PORT})`, port)
    .option('--public', 'listen and dial beyond private networks')
    .option('--no-mdns', 'do not look for others on the local network')
    .option('--name <name>', 'shown in lists (default: the host name)')
    .option('--label <key=value>', 'a label to select by; may be given again', pair('KEY=VALUE'))
    .option('--cluster <name>', 'meet only those of this cluster')
    .option('--passport <file>', 'publish the passports of a file; may be given again', collect)
    .option('--trust <peer>', 'run tasks of this peer; may be given again', collect)
    .option('--open', 'run tasks of ANYONE who connects: for trials in closed networks only')
    .option('--cpu <cores>', 'offer so many cores instead of all', cpu)
    .option('--memory <bytes>', 'offer so much memory instead of all', bytes)
    .option('--page-port <port>', `port of the status page; 0: any (default: ${DEFAULT_PAGE.port})`, port)
    .option('--no-page', 'no status page')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('--detach', 'run in the background; waits until it is ready')
    .addHelpText(
      'after',
      '\nExamples:\n  althing up\n  althing up --detach --name attic --label zone=attic\n' +
        '  althing up --join /ip4/10.0.0.5/tcp/4100/p2p/12D3KooW…',
    )
    .action(async (options: UpOptions, command: Command) => {
      const context = contextOf(command)
      await refuseSecond(context)
      if (options.detach !== true) {
        return becomeDaemon({ options: daemonOptions(options, command), quiet: context.json })
      }
      const { startDetached } = await import('../up/detach.ts')
      const status = await startDetached(context, process.argv.slice(2))
      return context.json ? context.printJson(status) : context.print(describeStatus(status, context.paint))
    })
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
    ...(open === true && { open }),
    ...(options.trust !== undefined && { trust: options.trust }),
    ...(label !== undefined && { labels: label }),
    ...(options.passport !== undefined && { passportFiles: options.passport }),
    ...(Object.keys(capacity).length > 0 && { capacity }),
    ...pageOption(options),
    ...(logLevel !== undefined && { logLevel }),
  }
}

/** Only what was said: the file and the daemon's defaults decide the rest. */
function pageOption({ page, pagePort }: UpOptions): Pick<DaemonOptions, 'page'> {
  if (!page) return { page: false }
  return pagePort === undefined ? {} : { page: { host: DEFAULT_PAGE.host, port: pagePort } }
}
