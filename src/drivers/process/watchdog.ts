/** Keeps one watchdog process alive per driver directory for as long as runs may need it. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '../../util/logger.ts'
import { DEFAULT_PATH } from './environment.ts'
import { isAlive } from './proc.ts'
import { DRIVER_FOLDER } from './scripts.ts'

/** Looks until it asks whether anything still runs, and leaves if not: every half minute, at two seconds each. */
const THOROUGH_EVERY_LOOKS = 15

export class Watchdog {
  readonly #options: { dir: string; script: string; intervalS: number; log: Logger }
  #child: ChildProcess | undefined

  constructor(options: { dir: string; script: string; intervalS: number; log: Logger }) {
    this.#options = options
  }

  /** The watchdog that looks after this directory, from whichever daemon. */
  get pid(): number | undefined {
    if (this.#child?.pid !== undefined) return this.#child.pid
    return this.#readPidFile()
  }

  /** Starts one unless one lives. Cheap when this process started it: its end would have been reported. */
  ensure(): void {
    if (this.#child !== undefined || this.#readPidFile() !== undefined) return
    const { dir, script, intervalS, log } = this.#options
    const child = spawn('/bin/sh', [script, dir, String(intervalS), String(THOROUGH_EVERY_LOOKS)], {
      cwd: '/',
      detached: true,
      stdio: 'ignore',
      env: { PATH: DEFAULT_PATH },
    })
    this.#child = child
    const gone = (): void => {
      if (this.#child === child) this.#child = undefined
    }
    child.once('exit', gone)
    child.once('error', (error) => {
      gone()
      log.error({ error }, 'the watchdog could not be started: timeouts hold only while this daemon lives')
    })
    child.unref()
  }

  #readPidFile(): number | undefined {
    let text: string
    try {
      text = readFileSync(join(this.#options.dir, DRIVER_FOLDER, 'watchdog.pid'), 'utf8')
    } catch {
      return undefined
    }
    const [pid, startTime] = text.trim().split(' ')
    return startTime !== undefined && isAlive(Number(pid), startTime) ? Number(pid) : undefined
  }
}
