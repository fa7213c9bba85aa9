/** What may be written later and in bulk: records, marks, and events that belong to no other write. */
import type { AuditDraft } from '../model/audit.ts'
import type { Write } from '../store/store.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'

/** What is written to: documents, and with them the events that were noted meanwhile. */
export interface Journal {
  /** Events that are noted and not yet written. */
  readonly waiting: number
  /** Notes an event; it is written with the next documents, or before long without any. */
  note(event: AuditDraft): void
  /**
   * Writes documents, what is noted, and the events that tell of these documents: all of it or nothing.
   * @param how `durably`: safe from loss of power before it returns. @default soon
   * @throws StoreError
   */
  write(writes: readonly Write[], events?: readonly AuditDraft[], how?: 'soon' | 'durably'): void
}

/** Where it writes, and whether it may. */
export interface WriteBehindOptions {
  readonly journal: Journal
  readonly log: Logger
  /** While documents wait for the disk nothing is written: an event must not be there before what it tells of. */
  readonly isBlocked: () => boolean
}

/** How long what is put here may wait. */
const FLUSH_MS = 500

/** Collects, and writes half a second after the first. */
export class WriteBehind {
  readonly #options: WriteBehindOptions
  readonly #writes = new Map<string, Write>()
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: WriteBehindOptions) {
    this.#options = options
  }

  /** The last document of a key stands for all before it. */
  put(write: Write): void {
    if (this.#closed) return
    this.#writes.set(`${write.collection}/${write.key}`, write)
    this.#plan()
  }

  /** Notes an event. */
  note(event: AuditDraft): void {
    if (this.#closed) return
    this.#options.journal.note(event)
    this.#plan()
  }

  #plan(): void {
    if (this.#closed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#options.isBlocked()) this.#plan()
      else this.#flush()
    }, FLUSH_MS)
  }

  #flush(): void {
    const { journal, log } = this.#options
    if (this.#writes.size === 0 && journal.waiting === 0) return
    const writes = [...this.#writes.values()]
    this.#writes.clear()
    try {
      journal.write(writes)
    } catch (error) {
      // A cache: the mesh has it all. The next records are tried again, and events stay noted.
      log.warn({ error: messageOf(error) }, 'records could not be cached')
      if (journal.waiting > 0) this.#plan()
    }
  }

  /** Writes what waits, unless it is blocked, and nothing ever after: what it writes to is closed next. */
  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#closed = true
    if (!this.#options.isBlocked()) this.#flush()
  }
}
