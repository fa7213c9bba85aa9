/**
 * Names of a ward as a Bloom filter (Bloom, CACM 13(7), 1970): it errs by asking in vain, never by leaving out. The
 * four places of a name follow from two hashes of it (Kirsch and Mitzenmacher, ESA 2006).
 */
import { FILTER_BYTES } from '../../model/ward.ts'
import { hashOf } from '../../topology/watchers.ts'

const PLACES = 4

function placesOf(name: string): number[] {
  const [first, second] = [hashOf(name), hashOf(`${name}/`) | 1]
  return Array.from({ length: PLACES }, (_, i) => ((first + Math.imul(i, second)) >>> 0) % (8 * FILTER_BYTES))
}

/** The filter of these names. */
export function filterOf(names: Iterable<string>): Uint8Array {
  const bytes = new Uint8Array(FILTER_BYTES)
  for (const name of names) for (const place of placesOf(name)) bytes[place >> 3]! |= 1 << (place & 7)
  return bytes
}

/** False when the name is surely not among those of a filter. */
export function mayHold(filter: Uint8Array, name: string): boolean {
  return placesOf(name).every((place) => (filter[place >> 3]! & (1 << (place & 7))) !== 0)
}
