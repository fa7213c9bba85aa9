/**
 * A ward: a zone and leading bits of the hash of its members. Cutting it by one bit makes two of it; two that differ in
 * the last bit alone make one again. Names nest, so members who disagree about the number of bits differ by a half of
 * which one holds too much, never by members that nobody holds.
 */
import { MOST_BITS, NAMELESS_ZONE, WHOLE } from '../../model/ward.ts'

/** `zone`: a label's value, or `NAMELESS_ZONE`. The whole mesh is undefined where a ward is asked for. */
export interface Ward {
  readonly zone: string
  /** How many leading bits all members have in common, */
  readonly bits: number
  /** and which, as a number. */
  readonly prefix: number
}

/** Where a member would be found: its zone as cut by `zoneOf`, and its hash (`topology/watchers.ts`, 32 bits). */
export interface Place {
  readonly zone: string
  readonly hash: number
}

function leading(hash: number, bits: number): number {
  // A shift by 32 is one by none.
  return bits === 0 ? 0 : hash >>> (32 - bits)
}

/** The ward of so many bits that a place is in. */
export function wardAt({ zone, hash }: Place, bits: number): Ward {
  return { zone, bits, prefix: leading(hash, bits) }
}

/** Whether a place is in a ward; everything is in the whole mesh. */
export function holds(ward: Ward | undefined, { zone, hash }: Place): boolean {
  return ward === undefined || (ward.zone === zone && leading(hash, ward.bits) === ward.prefix)
}

/** Whether all of `inner` is in `outer`; a ward is in itself. */
export function contains(outer: Ward | undefined, inner: Ward | undefined): boolean {
  if (outer === undefined || inner === undefined) return outer === undefined
  const { zone, bits, prefix } = inner
  return outer.zone === zone && bits >= outer.bits && prefix >> (bits - outer.bits) === outer.prefix
}

/** The ward that it was cut from; undefined for a whole zone. */
export function parentOf({ zone, bits, prefix }: Ward): Ward | undefined {
  return bits === 0 ? undefined : { zone, bits: bits - 1, prefix: prefix >> 1 }
}

/** The other half of its parent; undefined for a whole zone. */
export function siblingOf(ward: Ward): Ward | undefined {
  return ward.bits === 0 ? undefined : { ...ward, prefix: ward.prefix ^ 1 }
}

/** As it is written: `attic/01`, `_/1`, and `/` for the whole mesh. */
export function nameOf(ward: Ward | undefined): string {
  if (ward === undefined) return WHOLE
  return `${ward.zone}/${ward.bits === 0 ? '' : ward.prefix.toString(2).padStart(ward.bits, '0')}`
}

/** The ward of a name that `isWardName` takes, or of `WHOLE`. */
export function wardOf(name: string): Ward | undefined {
  if (name === WHOLE) return undefined
  const [zone = NAMELESS_ZONE, bits = ''] = name.split('/')
  return { zone, bits: bits.length, prefix: bits === '' ? 0 : Number.parseInt(bits, 2) }
}

/** The largest ward around a place, from `least` bits on, that has at most so many of these hashes. */
export function cutFor(place: Place, hashes: readonly number[], most: number, least = 0): Ward {
  for (let bits = least; bits < MOST_BITS; bits++) {
    const ward = wardAt(place, bits)
    let count = 0
    for (const hash of hashes) if (leading(hash, bits) === ward.prefix) count++
    if (count <= most) return ward
  }
  return wardAt(place, MOST_BITS)
}
