/** Reads a run's log while it grows. Nothing is watched unless somebody follows. */
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 64 * 1024
/** Looked at this often even if the system reports no change (network file systems, exhausted inotify). */
const FALLBACK_MS = 1_000

/** A log file and the run that writes it. */
export interface LogSource {
  /** The folder is watched, the file may not exist yet. */
  readonly folder: string
  readonly file: string
  readonly capBytes: number
  /** True once nothing more will be written. */
  ended(): boolean
  /** True when the driver looks no more: a follower then leaves. */
  closed(): boolean
  /** Calls `listener` when `ended` or `closed` turns true; returns how to take it back. */
  onSettled(listener: () => void): () => void
}

/** Yields a log from an offset on, and with `follow` until its run has ended and all was read. */
export async function* readLog(
  source: LogSource,
  options: { offset: number; follow: boolean; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { follow, signal } = options
  const changes = follow ? watchForChanges(source, signal) : undefined
  let file: FileHandle | undefined
  let offset = options.offset
  try {
    while (!signal.aborted && !source.closed()) {
      // Asked before reading: what was written before the end is then certainly read after it.
      const last = !follow || source.ended()
      const seen = changes?.mark() ?? 0
      file ??= await openIfThere(source.file)
      const room = source.capBytes - offset
      if (room <= 0) return
      const chunk = file && (await readAt(file, offset, Math.min(CHUNK_BYTES, room)))
      if (chunk !== undefined && chunk.length > 0) {
        offset += chunk.length
        yield chunk
      } else if (last || changes === undefined) {
        return
      } else {
        await changes.after(seen)
      }
    }
  } finally {
    changes?.close()
    await file?.close()
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset)
  return buffer.subarray(0, bytesRead)
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Counts what may have made the log longer, or ended it, and lets its one reader wait for the next. */
function watchForChanges(source: LogSource, signal: AbortSignal) {
  let count = 0
  let wake: (() => void) | undefined
  const changed = (): void => {
    count += 1
    wake?.()
  }
  let watcher: FSWatcher | undefined
  try {
    watcher = watch(source.folder, { persistent: false }, changed)
    watcher.on('error', () => watcher?.close())
  } catch {
    // No inotify watch to be had: the fallback timer does it alone.
  }
  const forget = source.onSettled(changed)
  signal.addEventListener('abort', changed)
  return {
    mark: () => count,
    /** Resolves on any change since `seen`. */
    async after(seen: number): Promise<void> {
      if (count !== seen || signal.aborted) return
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        wake = resolve
        timer = setTimeout(resolve, FALLBACK_MS)
      })
      wake = undefined
      clearTimeout(timer)
    },
    close(): void {
      watcher?.close()
      forget()
      signal.removeEventListener('abort', changed)
    },
  }
}
