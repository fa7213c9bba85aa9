/**
 * Real daemons for end-to-end tests: the shipped launcher, real processes, real sockets, a fresh data
 * directory each. Whatever a test starts is stopped when it ends, tasks included.
 */
import { spawn as spawnHere, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NodeView, StatusView } from '../../src/model/api.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/althing')

type Spawn = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

export interface DaemonOptions {
  readonly name?: string
  readonly cluster?: string
  /** Run tasks of anyone. @default true */
  readonly open?: boolean
  /** Full multiaddrs to join by. */
  readonly join?: readonly string[]
  /** @default false */
  readonly mdns?: boolean
  readonly dataDir?: string
  /** Serve the page on a free port. @default false */
  readonly page?: boolean
  /** Further words for `althing up`. */
  readonly args?: readonly string[]
  /** Starts the process elsewhere, such as in a network namespace. */
  readonly spawn?: Spawn
  readonly env?: Readonly<Record<string, string>>
}

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface TestDaemon {
  readonly name: string
  readonly dataDir: string
  readonly socketPath: string
  readonly pid: number
  readonly status: StatusView
  /** First address others can join by. */
  readonly address: string
  readonly pageUrl: string
  readonly token: string
  cli(...args: string[]): Promise<CliResult>
  /** The same from another working directory. */
  cliIn(cwd: string, ...args: string[]): Promise<CliResult>
  /** JSON of a GET over the Unix socket. */
  get<T>(path: string): Promise<T>
  /** What the daemon has written to stdout and stderr so far. */
  output(): string
  /** SIGKILL to the daemon alone; its tasks run on. */
  kill(): Promise<void>
  /** `althing down`, or SIGKILL when that fails. */
  stop(): Promise<void>
}

const running = new Set<TestDaemon>()
const directories = new Set<string>()

/** Runs a CLI command to its end. */
export function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  options: { cwd?: string; spawn?: Spawn } = {},
): Promise<CliResult> {
  return new Promise((done, fail) => {
    const { cwd, spawn = spawnHere } = options
    const child = spawn(LAUNCHER, args, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    })
    let stdout = ''
    let stderr = ''
    child.stdout!.on('data', (data: Buffer) => (stdout += data.toString()))
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    child.on('error', fail)
    child.on('close', (code) => done({ code: code ?? -1, stdout, stderr }))
  })
}

export function freshDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'althing-'))
  directories.add(dir)
  return dir
}

/** Starts a daemon and waits until it is ready. @throws Error with its output when it is not within 15 s */
export async function startDaemon(options: DaemonOptions = {}): Promise<TestDaemon> {
  const dataDir = options.dataDir ?? freshDataDir()
  const name = options.name ?? 'node'
  const words = [
    'up',
    '--data-dir',
    dataDir,
    '--name',
    name,
    '--cluster',
    options.cluster ?? 'test',
    '--port',
    '0',
    ...(options.page === true ? ['--page-port', '0'] : ['--no-page']),
    ...(options.open === false ? [] : ['--open']),
    ...(options.mdns === true ? [] : ['--no-mdns']),
    ...(options.join ?? []).flatMap((address) => ['--join', address]),
    ...(options.args ?? []),
  ]
  const { spawn = spawnHere } = options
  const child = spawn(LAUNCHER, words, {
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout!.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr!.on('data', (data: Buffer) => (output += data.toString()))
  const socketPath = options.env?.['ALTHING_SOCKET'] ?? join(dataDir, 'althing.sock')
  const status = await untilReady(child, socketPath, () => output)
  const daemon = handleOf(child, { name, dataDir, socketPath, status, output: () => output })
  running.add(daemon)
  return daemon
}

function handleOf(
  child: ChildProcess,
  facts: { name: string; dataDir: string; socketPath: string; status: StatusView; output: () => string },
): TestDaemon {
  const exited = new Promise<void>((done) => child.once('exit', () => done()))
  const { socketPath, dataDir, status } = facts
  const daemon: TestDaemon = {
    ...facts,
    pid: status.pid,
    address: status.addresses[0] ?? '',
    pageUrl: status.pageUrl ?? '',
    get token() {
      return readFileSync(join(dataDir, 'api-token'), 'utf8').trim()
    },
    cli: (...args) => runCli(args, { ALTHING_DATA_DIR: dataDir, ALTHING_SOCKET: socketPath }),
    cliIn: (cwd, ...args) => runCli(args, { ALTHING_DATA_DIR: dataDir, ALTHING_SOCKET: socketPath }, { cwd }),
    get: (path) => getJson(socketPath, path),
    kill: async () => {
      running.delete(daemon)
      process.kill(status.pid, 'SIGKILL')
      await exited
    },
    stop: async () => {
      if (!running.delete(daemon)) return
      await runCli(['down'], { ALTHING_DATA_DIR: dataDir, ALTHING_SOCKET: socketPath })
      const patience = setTimeout(() => child.kill('SIGKILL'), 8_000)
      await exited
      clearTimeout(patience)
    },
  }
  return daemon
}

async function untilReady(child: ChildProcess, socketPath: string, output: () => string): Promise<StatusView> {
  const deadline = Date.now() + 15_000
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the daemon ended with code ${child.exitCode}:\n${output()}`)
    const status = await getJson<StatusView>(socketPath, '/v1/status').catch(() => undefined)
    if (status && status.state !== 'joining') return status
    if (Date.now() > deadline) throw new Error(`the daemon is not ready after 15 s:\n${output()}`)
    await new Promise((tick) => setImmediate(tick))
  }
}

/** One GET over a Unix socket. Rejects on any status but 2xx. */
export function getJson<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((done, fail) => {
    const call = request({ socketPath, path, headers: { host: 'localhost' } }, (response) => {
      let body = ''
      response.on('data', (data: Buffer) => (body += data.toString()))
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 300) done(JSON.parse(body) as T)
        else fail(new Error(`${path}: ${response.statusCode} ${body}`))
      })
    })
    call.on('error', fail)
    call.end()
  })
}

/** Calls `probe` until it gives something, or fails after `ms` with what it was waiting for. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 15_000,
): Promise<T> {
  const deadline = Date.now() + ms
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`, { cause: last })
    // A probe crosses a socket or a process anyway; a turn of the loop between two keeps it fair.
    await new Promise((tick) => setTimeout(tick, 20))
  }
}

/** Stops whatever still runs and removes its directories. For `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((daemon) => daemon.stop()))
  for (const dir of directories) rmSync(dir, { recursive: true, force: true })
  directories.clear()
}

/** Two open daemons that know each other. */
export async function startPair(): Promise<[north: TestDaemon, south: TestDaemon]> {
  const north = await startDaemon({ name: 'north' })
  const south = await startDaemon({ name: 'south', join: [north.address] })
  for (const daemon of [north, south]) {
    await eventually(`${daemon.name} to know both`, async () => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return nodes.filter(({ state }) => state === 'ready').length === 2
    })
  }
  return [north, south]
}
