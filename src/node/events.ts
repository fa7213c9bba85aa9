/** The daemon's event stream: a bounded memory of what happened, and who listens. */
import type { MeshEvent } from '../model/api.ts'

/** Events kept for clients that come back with a `Last-Event-ID`. */
const KEPT = 2_000

/** Numbers events, remembers the latest, and hands them to listeners at once. */
export class EventHub {
  readonly #kept: MeshEvent[] = []
  readonly #listeners = new Set<(event: MeshEvent) => void>()
  #lastId: number

  /**
   * @param firstId ids start above it. The start time serves: a client of an earlier daemon then sees a
   *   gap instead of events it mistakes for known ones.
   */
  constructor(firstId: number) {
    this.#lastId = firstId
  }

  emit(event: Omit<MeshEvent, 'id'>): void {
    const full: MeshEvent = { id: ++this.#lastId, ...event }
    this.#kept.push(full)
    // Trimmed in bulk: shifting an array at every event would be its whole cost.
    if (this.#kept.length > 2 * KEPT) this.#kept.splice(0, this.#kept.length - KEPT)
    for (const listener of this.#listeners) listener(full)
  }

  /** See `Operations.subscribe`. */
  subscribe(sinceId: number | undefined, listener: (event: MeshEvent) => void): () => void {
    if (sinceId !== undefined) {
      const first = this.#kept[0]
      const missed = first === undefined ? sinceId !== this.#lastId : sinceId < first.id - 1 || sinceId > this.#lastId
      if (missed)
        listener({ id: this.#lastId, atMs: this.#kept.at(-1)?.atMs ?? 0, type: 'reset', subject: '', what: 'reset' })
      else for (const event of this.#kept) if (event.id > sinceId) listener(event)
    }
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
