/** Runs the real CLI from its source, as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

/** From the second process on the sources need not be compiled again: a third of its time. */
const compileCache = mkdtempSync(join(tmpdir(), 'althing-compile-'))
process.once('exit', () => rmSync(compileCache, { recursive: true, force: true }))

export interface CliRun {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: Buffer
  readonly stderrBytes: Buffer
}

export interface CliOptions {
  readonly socketPath?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
}

export interface StartedCli {
  readonly child: ChildProcess
  /** What became of it. Rejects when a test destroys one of its streams. */
  readonly done: Promise<CliRun>
  /** Exit code and signal, whatever became of its streams. */
  readonly closed: Promise<[number | null, NodeJS.Signals | null]>
}

/** Starts it. */
export function startCli(args: readonly string[], options: CliOptions = {}): StartedCli {
  const { socketPath, env = {}, cwd } = options
  // Nothing of the machine's own settings may reach the command under test.
  const bare = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(ALTHING_|NO_COLOR$|FORCE_COLOR$)/.test(name)),
  )
  const child = spawn(process.execPath, ['--no-warnings', MAIN, ...args], {
    env: {
      ...bare,
      NODE_COMPILE_CACHE: compileCache,
      ...(socketPath !== undefined && { ALTHING_SOCKET: socketPath }),
      ...env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  })
  child.stdin.on('error', () => {})
  child.stdin.end(options.stdin)
  const closed = new Promise<[number | null, NodeJS.Signals | null]>((done, fail) => {
    child.once('error', fail)
    child.once('exit', (code, signal) => done([code, signal]))
  })
  const done = Promise.all([closed, buffer(child.stdout), buffer(child.stderr)]).then(
    ([[code, signal], stdoutBytes, stderrBytes]) => ({
      code,
      signal,
      stdoutBytes,
      stderrBytes,
      stdout: stdoutBytes.toString(),
      stderr: stderrBytes.toString(),
    }),
  )
  // Whoever only waits for the exit has nobody to tell of a broken stream.
  done.catch(() => {})
  return { child, done, closed }
}

/** Runs it to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return startCli(args, options).done
}
