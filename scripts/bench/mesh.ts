/** Real daemons to measure: the shipped launcher, a fresh data directory each, gone when the bench is. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DaemonClient } from '../../src/cli/client.ts'
import type { StatusView } from '../../src/model/api.ts'
import type { Host } from './hosts.ts'
import { deadline, untilTrue } from './wait.ts'

/** A daemon that is not ready by then never will be. */
const READY_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 10_000
/** Where a host is the daemon's own: the same each time, as on a machine of its own. */
const MESH_PORT = 4100

export interface BenchDaemon {
  readonly dataDir: string
  readonly pid: number
  readonly peerId: string
  readonly address: string
  readonly client: DaemonClient
  status(): Promise<StatusView>
  stop(): Promise<void>
  /** Ends it as `kill -9` does, and leaves its data as they are. Resolves when it is gone. */
  kill(): Promise<void>
  /** All it has written, once it has ended; undefined while it runs. */
  lastWords(): string | undefined
}

export interface StartOptions {
  readonly launcher: string
  readonly cluster: string
  readonly name?: string
  readonly join?: string
  /** Whose tasks it runs, beside its own. */
  readonly trust?: string
  /** With the status page and mDNS, as `althing up` starts them when nothing else is said. */
  readonly asShipped?: boolean
  /** Where it runs and listens. @default this machine, any port */
  readonly host?: Host
  /** @default a fresh one */
  readonly dataDir?: string
  /** Writes what `--log-level debug` does, to be found in its last words. */
  readonly debug?: boolean
}

const running = new Set<BenchDaemon>()

/** The daemon's process before it is known to be ready, and how long that took. */
export interface Starting {
  readonly child: ChildProcess
  readonly dataDir: string
  readonly socketPath: string
  readonly ip: string
  readonly output: () => string
}

/** Executes `althing up`. @returns at once */
export function executeUp(options: StartOptions): Starting {
  const { launcher, cluster, name = 'bench', asShipped = false, debug = false, host } = options
  const { dataDir = mkdtempSync(join(tmpdir(), 'althing-bench-')) } = options
  const words = ['up', '--data-dir', dataDir, '--name', name, '--cluster', cluster, '--port', '0']
  words.push(...(asShipped ? ['--page-port', '0'] : ['--no-page', '--no-mdns']))
  if (debug) words.push('--log-level', 'debug')
  if (options.join !== undefined) words.push('--join', options.join)
  if (options.trust !== undefined) words.push('--trust', options.trust)
  if (host !== undefined) words.push('--listen', `/ip4/${host.ip}/tcp/${MESH_PORT}`)
  const child = host?.spawn(launcher, words) ?? spawn(launcher, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (output += data.toString()))
  return {
    child,
    dataDir,
    socketPath: join(dataDir, 'althing.sock'),
    ip: host?.ip ?? '127.0.0.1',
    output: () => output,
  }
}

/** Starts a daemon and waits until it says that it is ready. @throws Error with its output when it is not in time */
export async function startDaemon(options: StartOptions): Promise<BenchDaemon> {
  const starting = executeUp(options)
  await untilReady(starting)
  return handleOf(starting)
}

/** Asks /readyz until it answers yes. @throws Error with the daemon's output */
export async function untilReady({ child, socketPath, output }: Starting): Promise<void> {
  const client = new DaemonClient(socketPath)
  const ready = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`the daemon ended with code ${child.exitCode}:\n${output()}`)
    if (!existsSync(socketPath)) return false
    return client.get('/readyz').then(
      () => true,
      () => false,
    )
  }
  await untilTrue('a ready daemon', READY_TIMEOUT_MS, ready, output)
}

/** @throws Error when it does not answer */
export async function handleOf({ child, dataDir, socketPath, ip, output }: Starting): Promise<BenchDaemon> {
  const client = new DaemonClient(socketPath)
  const { pid, peerId, addresses } = await client.get<StatusView>('/v1/status')
  const exited = once(child, 'exit')
  const daemon: BenchDaemon = {
    dataDir,
    pid,
    peerId,
    address: addresses.find((address) => address.includes(`/${ip}/`)) ?? addresses[0] ?? '',
    client,
    status: () => client.get('/v1/status'),
    async stop() {
      if (!running.delete(daemon)) return
      child.kill('SIGTERM')
      await deadline(exited, STOP_TIMEOUT_MS, 'a stopped daemon').catch(() => child.kill('SIGKILL'))
      rmSync(dataDir, { recursive: true, force: true })
    },
    async kill() {
      running.delete(daemon)
      child.kill('SIGKILL')
      await exited
    },
    lastWords: () => (child.exitCode === null && child.signalCode === null ? undefined : output()),
  }
  running.add(daemon)
  return daemon
}

/** Three daemons that know each other; the first is trusted by the others, and submits. */
export async function startThree(
  options: Omit<StartOptions, 'cluster'>,
): Promise<[BenchDaemon, BenchDaemon, BenchDaemon]> {
  const cluster = `bench-${process.pid}`
  const first = await startDaemon({ ...options, cluster, name: 'one' })
  const joining = { ...options, cluster, join: first.address, trust: first.peerId }
  const second = await startDaemon({ ...joining, name: 'two' })
  const third = await startDaemon({ ...joining, name: 'three' })
  const daemons: [BenchDaemon, BenchDaemon, BenchDaemon] = [first, second, third]
  for (const daemon of daemons) {
    await untilTrue('three nodes that know each other', READY_TIMEOUT_MS, async () => {
      const { nodes, peers } = await daemon.status()
      return nodes.ready === 3 && peers.length === 2
    })
  }
  return daemons
}

/** Stops whatever still runs. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((daemon) => daemon.stop()))
}
