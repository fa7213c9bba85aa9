/** Documents as bytes: dag-cbor, so that what is stored is what the wire could carry. */
import { decode, encode } from '@ipld/dag-cbor'
import { messageOf } from '../util/errors.ts'
import { StoreError } from './errors.ts'
import type { Write } from './store.ts'

/** A write with its document encoded; null deletes. */
export interface EncodedWrite {
  readonly collection: string
  readonly key: string
  readonly body: Uint8Array | null
}

/**
 * Encodes all documents before any is written, so that a bad one changes nothing.
 * @throws StoreError `bad-document`, for undefined, NaN, dates, functions and cycles
 */
export function encodeWrites(writes: readonly Write[]): EncodedWrite[] {
  return writes.map(({ collection, key, doc }) => {
    if (doc === null) return { collection, key, body: null }
    try {
      return { collection, key, body: encode(doc) }
    } catch (error) {
      throw new StoreError('bad-document', `${collection} ${key} cannot be stored: ${messageOf(error)}`, {
        cause: error,
        meta: { collection, key },
      })
    }
  })
}

/** The document of `encodeWrites`. @throws whatever the codec throws for bytes that are no document */
export function decodeDocument(body: Uint8Array): unknown {
  return decode(body)
}
