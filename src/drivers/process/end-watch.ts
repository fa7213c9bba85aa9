/** Notices at once that an adopted run ends: its shim is not our child, so the system does not tell us. */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { readState } from './run-folder.ts'
import type { Run } from './run.ts'

/** A shim kills itself right after it has written the end; it is given this long to be gone. */
const GONE_POLL_MS = 5

export class EndWatch {
  readonly #watchers = new Set<FSWatcher>()
  readonly #timers = new Set<NodeJS.Timeout>()

  /** Calls `run.finish` when the run has written its end. What dies without writing is the sweep's to find. */
  watch(run: Run): void {
    let watcher: FSWatcher
    try {
      watcher = watch(run.paths.root, (_event, name) => {
        if (name === 'state') this.#look(run)
      })
    } catch {
      return
    }
    this.#watchers.add(watcher)
    const forget = (): void => {
      watcher.close()
      this.#watchers.delete(watcher)
    }
    watcher.on('error', forget)
    run.onSettled(forget)
    // It may have ended between the look that adopted it and the watch.
    this.#look(run)
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#watchers.clear()
    this.#timers.clear()
  }

  #look(run: Run): void {
    if (run.exit || run.closed) return
    const state = readState(run.paths)
    if (typeof state !== 'object' || state.phase !== 'end') return
    if (!run.isAlive()) {
      void run.finish().catch(() => {})
      return
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#look(run)
    }, GONE_POLL_MS)
    this.#timers.add(timer)
  }
}
