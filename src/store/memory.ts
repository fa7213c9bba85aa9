/**
 * The Store in memory: for the simulator, where it outlives the node that crashes, and for tests.
 * It keeps encoded bytes, like the real one, so that nothing a caller changes later reaches it.
 */
import { decodeDocument, encodeWrites } from './documents.ts'
import { epochAfter } from './epoch.ts'
import type { Collection, Store, Write } from './store.ts'

/** An empty store. `close` does nothing: what reads it next is the node after its restart. */
export function createMemoryStore(): Store {
  const collections = new Map<string, Map<string, Uint8Array>>()
  let epoch = 0

  const write = (writes: readonly Write[], alongside?: () => void): void => {
    const encoded = encodeWrites(writes)
    alongside?.()
    for (const { collection, key, body } of encoded) {
      const rows = collections.get(collection) ?? new Map<string, Uint8Array>()
      collections.set(collection, rows)
      if (body === null) rows.delete(key)
      else rows.set(key, body)
    }
  }
  return {
    load(collection: Collection) {
      // By the bytes of UTF-8, as SQLite sorts; JavaScript's own order differs beyond U+FFFF.
      const rows = [...(collections.get(collection) ?? [])].toSorted(([a], [b]) =>
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
      )
      return new Map(rows.map(([key, body]) => [key, decodeDocument(body)]))
    },
    write,
    writeDurably: write,
    nextEpoch(atLeast, unixSeconds) {
      epoch = epochAfter(epoch, atLeast, unixSeconds)
      return epoch
    },
    close() {},
  }
}
