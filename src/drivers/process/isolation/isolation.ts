/**
 * Isolation of tasks by bubblewrap: whether it works on this machine, and the command that runs a task in it.
 *
 * Whether it works is found out by doing it once, with everything a task gets: user namespaces can be forbidden in
 * more ways than can be reasoned about (sysctls, AppArmor, a container around us). The sandbox is asked what it sees,
 * so that a `bwrap` that isolates nothing is not believed.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../../util/errors.ts'
import type { IsolationState } from '../../../model/isolation.ts'
import type { StartOrder } from '../../driver.ts'
import { DriverError } from '../../errors.ts'
import { DEFAULT_PATH, findProgram } from '../environment.ts'
import { makeRoot, runPaths, type RunPaths } from '../run-folder.ts'
import { makeEtc } from './etc.ts'
import { hostPath, INSIDE, MAX_PROCESSES, runArgs, sandboxArgs, scratchOf } from './sandbox.ts'
import { hasFilter, seccompFilter } from './seccomp.ts'

/** What the examination gets; it takes some 50 ms. */
const EXAMINE_MS = 10_000

/**
 * bwrap takes its arguments and the filter from open files: arguments on its command line everybody on the machine
 * could read, the task's variables among them. This is the shell's part of it; $1 and $2 are the files.
 */
const OPEN_FILES = 'exec 3<"$1" 4<"$2" && shift 2 && exec "$@"'

/** bwrap's own bound (`MAX_ARGS`), less what there is besides variables; each takes three. */
const MAX_VARIABLES = 2_900

/** Says what it sees from the inside, in a word if all is well. $1: a folder of the daemon's, by its real name. */
const LOOK_AROUND = `
[ -e "$1" ] && { echo "the data of the daemon is visible"; exit 1; }
: >probe || exit 1
(: >/probe) 2>/dev/null && { echo "its root is writable"; exit 1; }
while read -r name value _; do
  case $name in
    CapEff:) [ "$value" = 0000000000000000 ] || echo "it has capabilities: $value" ;;
    NoNewPrivs:) [ "$value" = 1 ] || echo "it may gain privileges" ;;
    Seccomp:) [ "$value" = 2 ] || echo "system calls are not filtered" ;;
    NSpid:) [ "$value" -le 4 ] || echo "it sees other processes" ;;
  esac
done </proc/self/status
while read -r name _; do
  case $name in lo:*|Inter*|face*) ;; *) echo "it has a network: $name" ;; esac
done </proc/net/dev
echo isolated`

const NOT_EXAMINED: IsolationState = {
  works: false,
  examined: false,
  why: 'it was not found out yet whether tasks can be isolated here',
  fix: 'wait a moment',
}

/** A task's place in a sandbox. */
export interface Sandbox {
  /** The run's folders by the names they have inside. */
  readonly seen: RunPaths
  /** Where on the host a path of the inside lies; undefined: nowhere. */
  readonly locate: (path: string) => string | undefined
  /** Writes what bwrap reads, and gives the words that run the command inside. */
  enter(env: Readonly<Record<string, string>>, command: readonly string[]): string[]
}

/** Made once for each driver; does nothing until it is asked. */
export class Isolation {
  readonly #folder: string
  readonly #hidden: readonly string[]
  #state = NOT_EXAMINED
  #examining: Promise<IsolationState> | undefined
  /** Arguments that all tasks have, without and with the network. */
  #common: { readonly alone: readonly string[]; readonly networked: readonly string[] } | undefined
  #filter = ''
  #bwrap = ''
  #prlimit = ''
  #processes = MAX_PROCESSES

  /** `folder`: where the driver keeps what is not a run's. `hidden`: absolute paths that no task may see. */
  constructor(folder: string, hidden: readonly string[]) {
    this.#folder = join(folder, 'isolation')
    this.#hidden = [...hidden, homedir()]
  }

  /** What was found out last. */
  get state(): IsolationState {
    return this.#state
  }

  /** Finds out whether tasks can be isolated here, now. Never throws. */
  examine(): Promise<IsolationState> {
    this.#examining ??= this.#examine()
      .catch((error: unknown) => failed(messageOf(error)))
      .then((state) => (this.#state = state))
      .finally(() => (this.#examining = undefined))
    return this.#examining
  }

  /** The sandbox of a run whose folders are there. @throws DriverError `no-isolation` */
  sandboxFor(order: StartOrder, paths: RunPaths): Sandbox {
    if (!this.#state.works) {
      throw new DriverError('no-isolation', `it cannot be isolated here: ${this.#state.why}`, { fix: this.#state.fix })
    }
    return this.#sandbox(order, paths)
  }

  #sandbox({ isolation, keepOutput }: Pick<StartOrder, 'isolation' | 'keepOutput'>, paths: RunPaths): Sandbox {
    const { alone, networked } = this.#common!
    const argsFile = join(paths.root, 'sandbox')
    return {
      seen: { ...paths, ...INSIDE },
      locate: (path) => hostPath(path, paths),
      enter: (env, command) => {
        if (Object.keys(env).length > MAX_VARIABLES) {
          throw new DriverError('spawn', `more than ${MAX_VARIABLES} variables do not go into a sandbox`, {
            fix: 'put them into a file, and send that with --input',
          })
        }
        const { tmp, shm } = scratchOf(paths)
        mkdirSync(tmp)
        mkdirSync(shm)
        const words = [...(isolation?.network === true ? networked : alone), ...runArgs(paths, keepOutput, env)]
        writeFileSync(argsFile, words.map((word) => `${word}\0`).join(''), { mode: 0o600 })
        const limits = [this.#prlimit, `--nproc=${this.#processes}:${this.#processes}`, '--core=0:0']
        const bwrap = [this.#bwrap, '--args', '3', '--seccomp', '4', '--', ...limits, '--', ...command]
        return ['/bin/sh', '-c', OPEN_FILES, 'isolated', argsFile, this.#filter, ...bwrap]
      },
    }
  }

  async #examine(): Promise<IsolationState> {
    const { arch, platform } = process
    if (platform !== 'linux') return failed('bubblewrap is for Linux alone', 'use a Linux machine')
    if (!hasFilter(arch)) return failed(`there is no filter of system calls for ${arch}`, 'use an x64 or arm64 machine')
    const [bwrap, prlimit] = [findProgram('bwrap'), findProgram('prlimit')]
    if (bwrap === undefined) return failed('bubblewrap is not installed', 'apt-get install bubblewrap')
    if (prlimit === undefined) return failed('prlimit is not installed', 'apt-get install util-linux')
    this.#bwrap = bwrap
    this.#prlimit = prlimit
    this.#processes = Math.min(MAX_PROCESSES, ownHardLimit())
    this.#install(seccompFilter(arch))
    const common = { etc: makeEtc(join(this.#folder, 'etc')), hidden: this.#hidden }
    this.#common = {
      alone: sandboxArgs({ ...common, network: false }),
      networked: sandboxArgs({ ...common, network: true }),
    }
    return this.#tryOut()
  }

  /** Writes the filter where all sandboxes read it. */
  #install(filter: Buffer): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const hash = createHash('sha256').update(filter).digest('hex').slice(0, 16)
    this.#filter = join(this.#folder, `seccomp-${hash}`)
    // Whole or not at all: a task may be about to read it.
    writeFileSync(`${this.#filter}.new`, filter, { mode: 0o600 })
    renameSync(`${this.#filter}.new`, this.#filter)
  }

  async #tryOut(): Promise<IsolationState> {
    const paths = runPaths(this.#folder, 'trial')
    rmSync(paths.root, { recursive: true, force: true })
    makeRoot(paths)
    try {
      const sandbox = this.#sandbox({ keepOutput: false }, paths)
      const lookAround = ['/bin/sh', '-c', LOOK_AROUND, 'trial', realpathSync(this.#folder)]
      const words = sandbox.enter({ PATH: DEFAULT_PATH }, lookAround)
      const { text, ok } = await output('/bin/sh', ['-c', '"$0" --version && "$@"', this.#bwrap, ...words])
      const [version = '', ...seen] = text.split('\n').filter((line) => line !== '')
      if (ok && seen.length === 1 && seen[0] === 'isolated') {
        return { works: true, by: 'bwrap', version: version.replace(/^bubblewrap /, '').slice(0, 32) }
      }
      const said = seen.find((line) => line !== 'isolated') ?? 'it ended without a word'
      return failed(said.replace(/^bwrap: /, 'bubblewrap does not work here: ').slice(0, 200), whatHelps())
    } finally {
      rmSync(paths.root, { recursive: true, force: true })
    }
  }
}

function failed(why: string, fix = 'see the log of the daemon'): IsolationState {
  return { works: false, examined: true, why, fix }
}

function output(file: string, args: readonly string[]): Promise<{ text: string; ok: boolean }> {
  const options = { cwd: '/', env: { PATH: DEFAULT_PATH, LC_ALL: 'C' }, timeout: EXAMINE_MS, maxBuffer: 16_384 }
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => resolve({ text: stdout + stderr, ok: error === null }))
  })
}

/** How many processes this one may make at most: nobody can be let make more. */
function ownHardLimit(): number {
  const found = /^Max processes +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
  return found === null ? Infinity : Number(found[1])
}

/** What stands in the way of user namespaces, as far as the kernel tells. */
function whatHelps(): string {
  const switches = [
    ['kernel/unprivileged_userns_clone', '0', 'sysctl kernel.unprivileged_userns_clone=1'],
    ['user/max_user_namespaces', '0', 'sysctl user.max_user_namespaces=15000'],
    [
      'kernel/apparmor_restrict_unprivileged_userns',
      '1',
      'an AppArmor profile with `userns` for bwrap, or sysctl kernel.apparmor_restrict_unprivileged_userns=0',
    ],
  ] as const
  const found = switches.find(([name, off]) => {
    const path = `/proc/sys/${name}`
    return existsSync(path) && readFileSync(path, 'utf8').trim() === off
  })
  return found?.[2] ?? "let the daemon's user make user namespaces; within a container they are mostly forbidden"
}
