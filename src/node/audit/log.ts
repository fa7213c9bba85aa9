/**
 * This node's audit log on its disk. Events are noted as they happen and written in order: with the next transaction of
 * the mesh, or half a second later with those that belong to none. What is written is never changed; what was noted
 * and not written when the daemon dies is missing at the end, never in between.
 *
 * Three sizes, each at most the one before: noted, written, and safe from loss of power. Only the last is signed: a
 * head that a crash takes back would look like a rewritten history.
 */
import { open } from 'node:fs/promises'
import { encodeEvent } from '../../wire/audit-event.ts'
import { hashLeaf, hashNode } from '../../audit/hashing.ts'
import { Ledger, NODE_STRIDE, type LedgerEntry } from '../../audit/ledger.ts'
import type { SubtreeHash } from '../../audit/proofs.ts'
import type { TreeHead } from '../../audit/verify.ts'
import { subjectsOf, type AuditDraft } from '../../model/audit.ts'
import { MIN_KEPT_EVENTS } from '../../model/audit-exchange.ts'
import type { AuditRow, AuditTable } from '../../store/audit-table.ts'
import type { Store, Write } from '../../store/store.ts'
import type { Clock } from '../../util/clock.ts'
import { AlthingError, messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { storedFrontier } from './stored-frontier.ts'

/** `pruned`: the events that it takes were dropped with the oldest. `damaged`: rows that should be there are not. */
export class AuditError extends AlthingError<'pruned' | 'damaged'> {}

const BLOCK = 2 ** NODE_STRIDE
/** Old events are dropped so many at once: a little with each write would cost more. */
const DROP_AT_ONCE = 4_096
/** Between two flushes of the disk's own cache, in which what was written becomes safe. */
const SYNC_EVERY_MS = 2_000

/** What the log is written to and by. */
export interface AuditLogOptions {
  readonly store: Store
  readonly table: AuditTable
  /** SQLite's write-ahead log, which is what has to reach the disk. */
  readonly walPath: string
  readonly clock: Clock
  readonly log: Logger
  /** Events kept; the oldest beyond it are dropped, and stay provable as a whole. At least 10,000. */
  readonly keep: number
}

/** One log. What is stored when it is made must be safe on disk. */
export class AuditLog {
  readonly #options: AuditLogOptions
  readonly #ledger: Ledger
  #oldest: number
  #safe: TreeHead
  #syncTimer: NodeJS.Timeout | undefined
  #closed = false

  /** @throws FrontierError when the log could not go on without a fork */
  constructor(options: AuditLogOptions) {
    if (options.keep < MIN_KEPT_EVENTS) throw new RangeError(`an audit log keeps ${MIN_KEPT_EVENTS} events at least`)
    this.#options = options
    this.#ledger = new Ledger(storedFrontier(options.store, options.table), encodeEvent)
    this.#oldest = options.table.oldest() ?? this.#ledger.size
    this.#safe = this.head()
  }

  /** Events that are noted and not yet written. */
  get waiting(): number {
    return this.#ledger.waiting
  }

  /** Position of the oldest event that is kept. */
  get oldest(): number {
    return this.#oldest
  }

  /** What is written. */
  head(): TreeHead {
    return this.#ledger.head()
  }

  /** What is safe from loss of power, and may be signed. */
  safeHead(): TreeHead {
    return this.#safe
  }

  /** Notes an event of this moment. */
  note(event: AuditDraft): void {
    this.#ledger.note(event, this.#options.clock.wallMs())
  }

  /**
   * Writes documents, every noted event and `events`, which tell of these very documents, in one transaction.
   * @param how `durably`: safe from loss of power before it returns, at the cost of a flush of the disk
   * @throws StoreError; nothing was written then: what was noted before waits for the next call, `events` are forgotten
   */
  write(writes: readonly Write[], events: readonly AuditDraft[] = [], how: 'soon' | 'durably' = 'soon'): void {
    const before = this.#ledger.waiting
    for (const event of events) this.note(event)
    const { store } = this.#options
    try {
      this.#write(writes, how === 'durably' ? store.writeDurably : store.write)
    } catch (error) {
      this.#ledger.forget(before)
      throw error
    }
  }

  #write(writes: readonly Write[], put: Store['write']): void {
    const { table, clock } = this.#options
    if (this.#ledger.waiting === 0) return put(writes)
    const batch = this.#ledger.prepare()
    const { frontier, nodes } = batch
    const tree: Write = { collection: 'audit', key: 'tree', doc: { size: frontier.size, peaks: [...frontier.peaks] } }
    const below = this.#dropBelow(frontier.size)
    put([...writes, tree], () => {
      table.append(batch.entries.map(rowOf), nodes)
      if (below !== undefined) table.dropBelow(below)
    })
    this.#ledger.commit(batch, clock.wallMs())
    if (below !== undefined) this.#oldest = below
    this.#planSync()
  }

  /** Below which events are to be dropped, at a place where a stored node begins; undefined most of the time. */
  #dropBelow(size: number): number | undefined {
    const excess = size - this.#oldest - this.#options.keep
    if (excess < DROP_AT_ONCE) return undefined
    return Math.floor((this.#oldest + excess) / BLOCK) * BLOCK
  }

  #planSync(): void {
    if (this.#closed || this.#syncTimer !== undefined) return
    this.#syncTimer = setTimeout(() => void this.#sync(), SYNC_EVERY_MS)
    this.#syncTimer.unref()
  }

  /** As SQLite does it with `synchronous = FULL`, but not within the event loop. */
  async #sync(): Promise<void> {
    const head = this.head()
    try {
      const wal = await open(this.#options.walPath, 'r')
      try {
        await wal.datasync()
      } finally {
        await wal.close()
      }
      this.#safe = head
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the audit log could not be made safe; it is tried again')
    }
    this.#syncTimer = undefined
    if (this.#safe.size < this.#ledger.size) this.#planSync()
  }

  /** Roots of complete subtrees, by the events themselves where few lie below. @throws AuditError */
  readonly subtree: SubtreeHash = (level, index) => {
    if (level % NODE_STRIDE === 0 && level > 0) return this.#storedNode(level, index)
    const width = 2 ** level
    if (level < NODE_STRIDE) return this.#rootOfEvents(index * width, width)
    const below = Math.floor(level / NODE_STRIDE) * NODE_STRIDE
    const count = 2 ** (level - below)
    return fold(Array.from({ length: count }, (_, at) => this.#storedNode(below, index * count + at)))
  }

  #storedNode(level: number, index: number): Uint8Array {
    const hash = this.#options.table.node(level, index)
    if (hash === undefined)
      throw new AuditError('damaged', `node ${index} of level ${level} of the audit log is not there`)
    return hash
  }

  #rootOfEvents(from: number, width: number): Uint8Array {
    if (from < this.#oldest) throw new AuditError('pruned', `events below ${this.#oldest} were dropped`)
    const rows = this.#options.table.range(from, from + width)
    if (rows.length < width)
      throw new AuditError('damaged', `of the events ${from} to ${from + width - 1} only ${rows.length} are there`)
    return fold(rows.map(({ body }) => hashLeaf(body)))
  }

  /** Later events are noted and never written. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#syncTimer)
  }
}

function rowOf({ position, event, bytes }: LedgerEntry): AuditRow {
  return { position, atMs: event.atMs, type: event.type, ...subjectsOf(event), body: bytes }
}

/** The root of 2^n hashes. */
function fold(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, at) => hashNode(level[2 * at]!, level[2 * at + 1]!))
  return level[0]!
}
