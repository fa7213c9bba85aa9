/**
 * Where shims come from, and the folders they run in. One of each is made in advance, so that a start does not wait for
 * `fork`: the kernel copies the page tables of the whole daemon for it, some milliseconds, and every page that the
 * daemon writes to next.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { renameSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { DEFAULT_PATH } from './environment.ts'
import { makeRoot, runPaths, type RunPaths } from './run-folder.ts'

/**
 * How long after a start the next shim is made: when the news of that start has left, and no later. What the kernel
 * makes the daemon pay for `fork` is paid until each page was written to once more, which the next start should not be.
 */
const REFILL_MS = 5
/** A longer order goes by the argument list: a shell reads its input byte by byte, and the system keeps its say. */
const MAX_ORDER_BYTES = 16 * 1024
/** What a shim finds around it; it gives the task variables of its own. */
const SHIM_ENVIRONMENT = { PATH: DEFAULT_PATH }

/** What a shim is told: where, and its arguments, see `SHIM`. */
export interface ShimOrder {
  readonly folder: string
  readonly args: readonly string[]
}

export class Shims {
  readonly #script: string
  readonly #spare: RunPaths
  #hasSpare = false
  #waiting: ChildProcess | undefined
  #refill: NodeJS.Timeout | undefined
  #closed = false

  /** `script`: where `SHIM` lies. `folder`: the driver's own. Starts nothing until the first order. */
  constructor(script: string, folder: string) {
    this.#script = script
    this.#spare = runPaths(folder, 'spare')
  }

  /** Makes a run's folder with what every run has in it. Throws EEXIST when there is one already. */
  makeFolder(paths: RunPaths): void {
    if (this.#hasSpare) {
      this.#hasSpare = false
      try {
        return renameSync(this.#spare.root, paths.root)
      } catch {
        // There is such a run, or the spare one is gone: what follows says which.
      }
    }
    makeRoot(paths)
  }

  /** Gives the order to the shim that waits, or starts one with it. Throws what `spawn` says. */
  async start(order: ShimOrder): Promise<ChildProcess & { readonly pid: number }> {
    const child = this.#tell(order) ?? this.#spawn(order)
    // Without a pid the reason comes as an event; `once` throws it.
    if (child.pid === undefined) throw await once(child, 'error').then(([error]) => error as Error)
    child.on('error', () => {})
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined
      this.#prepare()
    }, REFILL_MS).unref()
    return child as ChildProcess & { readonly pid: number }
  }

  /** The shim that waits ends. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#refill)
    this.#waiting?.stdin?.end()
    this.#waiting?.unref()
    this.#waiting = undefined
  }

  #tell(order: ShimOrder): ChildProcess | undefined {
    const waiting = this.#waiting
    if (waiting === undefined) return undefined
    const line = lineOf(order)
    if (Buffer.byteLength(line) > MAX_ORDER_BYTES) return undefined
    this.#waiting = undefined
    waiting.ref()
    waiting.stdin!.end(line)
    return waiting
  }

  #spawn({ folder, args }: ShimOrder): ChildProcess {
    const options = { cwd: folder, detached: true, stdio: 'ignore', env: SHIM_ENVIRONMENT } as const
    return spawn('/bin/sh', [this.#script, ...args], options)
  }

  #prepare(): void {
    if (this.#closed) return
    if (!this.#hasSpare) this.#makeSpare()
    if (this.#waiting === undefined) this.#makeWaiting()
  }

  #makeSpare(): void {
    try {
      // One that an earlier daemon left, or that no run has taken after all.
      rmSync(this.#spare.root, { recursive: true, force: true })
      makeRoot(this.#spare)
      this.#hasSpare = true
    } catch {
      // A full disk, for one: the next run that needs a folder will say so.
    }
  }

  #makeWaiting(): void {
    const child = spawn('/bin/sh', [this.#script], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: SHIM_ENVIRONMENT,
    })
    const gone = (): void => {
      if (this.#waiting === child) this.#waiting = undefined
    }
    child.once('exit', gone)
    child.once('error', gone)
    // A shim that is gone before it has read its order ends like one that was killed: its exit says so.
    child.stdin?.on('error', () => {})
    // Nobody waits for it: neither it nor its pipe keeps the process going.
    child.unref()
    ;(child.stdin as Socket | null)?.unref()
    this.#waiting = child
  }
}

/** The order as one line of shell. */
function lineOf({ folder, args }: ShimOrder): string {
  return `cd ${quoted(folder)} && set -- ${args.map(quoted).join(' ')}\n`
}

/** One word of shell, on one line: `SHIM` holds a line feed in a variable. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`).replaceAll('\n', `'"$__a_lf"'`)}'`
}
