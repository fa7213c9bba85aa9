/** Documents of steps that are not on the disk yet: nothing that follows from them may happen before they are. */
import type { AuditDraft } from '../model/audit.ts'
import type { Write } from '../store/store.ts'
import type { Journal } from './write-behind.ts'

export class Unwritten {
  readonly #journal: Journal
  /** The last document of a key stands for all before it. */
  #writes = new Map<string, Write>()

  constructor(journal: Journal) {
    this.#journal = journal
  }

  get isEmpty(): boolean {
    return this.#writes.size === 0
  }

  add(write: Write): void {
    this.#writes.set(keyOf(write), write)
  }

  /** Writes all of it, in one transaction. @throws StoreError; it is all kept then */
  write(): void {
    this.#put([], [], 'soon')
  }

  /**
   * Writes other documents and the events that tell of them behind it, in the same transaction: an event must not be
   * there before those that came to be before it, nor these before the documents they tell of.
   * @throws StoreError; nothing was written then, and the others are forgotten
   */
  writeDurably(others: readonly Write[], events: readonly AuditDraft[]): void {
    this.#put(others, events, 'durably')
  }

  #put(others: readonly Write[], events: readonly AuditDraft[], how: 'soon' | 'durably'): void {
    const writes = [...this.#writes.values()]
    try {
      this.#journal.write([...writes, ...others], events, how)
      this.#writes.clear()
    } catch (error) {
      // They may have to wait for long, and the state that they are of goes on.
      for (const write of writes) this.add({ ...write, doc: structuredClone(write.doc) })
      throw error
    }
  }
}

function keyOf({ collection, key }: Write): string {
  return `${collection}/${key}`
}
