/**
 * How `althing up` turns into the daemon: by `execve`, in the same process, so that its pid, its terminal and
 * whoever waits for it stay the same while the CLI's code and heap are gone. The daemon runs for weeks: what a
 * command line needed to be read must not be in its memory all the while.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DaemonOptions } from '../../node/options.ts'
import { CliError } from '../errors.ts'

/** What the daemon's program is handed, as JSON in the environment. */
export interface Handed {
  readonly options: DaemonOptions
  /** Print nothing for people, and errors as JSON. */
  readonly json: boolean
}

/** Name of the variable that carries it; the daemon removes it before anything is started. */
export const HANDED = 'ALTHING_UP'

/**
 * What a daemon that idles most of its life saves: a young generation that grows to 4 MiB at most instead of 16 (an
 * idle one stays at one; with less, what a few starts allocate is copied and promoted all the time), and no helper
 * threads for V8 beside the libuv pool. Further flags are set in `bin/daemon.cjs`, which says why there.
 */
export const V8_FLAGS = ['--max-semi-space-size=4', '--v8-pool-size=0']

/**
 * One heap for malloc instead of one a thread: glibc's answer to contention that a daemon does not have. And what is
 * large goes back to the system: by itself glibc raises both thresholds as soon as something large was freed once, and
 * then keeps 3 MB of holes (mallopt(3)).
 */
const ENV = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

/** The daemon's program: that of `bin/` beside the bundles as shipped, among the sources otherwise. @throws CliError */
function daemonProgram(): string {
  const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
  if (import.meta.url.endsWith('.ts')) return at('./daemon-main.ts')
  const bundle = at('./daemon.cjs')
  if (!existsSync(bundle)) throw new CliError('broken-install', `${bundle} is missing`, { fix: 'run `npm run build`' })
  return at('../bin/daemon.cjs')
}

/** Never returns, but where there is no `execve` (Windows): there the daemon is a child that this waits for. */
export async function becomeDaemon(handed: Handed): Promise<void> {
  // The words behind the program are for `ps` alone.
  const args = [...V8_FLAGS, '--no-warnings', daemonProgram(), 'up', '--data-dir', handed.options.paths.dataDir]
  const env = { ...ENV, ...process.env, [HANDED]: JSON.stringify(handed) }
  if (process.execve !== undefined) process.execve(process.execPath, [process.execPath, ...args], env)
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      process.exitCode = code ?? 1
      resolve()
    })
  })
}
