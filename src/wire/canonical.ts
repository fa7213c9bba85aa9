/**
 * Checks, in one pass and without building anything, that bytes are one canonical dag-cbor value within
 * limits: https://ipld.io/specs/codecs/dag-cbor/spec/#strictness
 *
 * The library's decoder accepts unsorted keys, replaces broken UTF-8, drops a leading byte-order mark
 * and recurses as deep as the input says. Encoding again and comparing would catch the first three at
 * several times the cost, and the last not at all. What passes here decodes to a value that encodes to
 * the same bytes.
 */
import { MAX_DEPTH, MAX_ITEMS } from './limits.ts'
import { WireError, type WireErrorCode } from './errors.ts'

/** Text of an integer-valued number that does not fit: our numbers are doubles. */
const UNSAFE_INTEGER = 'an integer beyond 2^53'

/** Throws on invalid UTF-8; `ignoreBOM` means: keep it, and let us see it. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

class Scanner {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0
  items = 0
  /** Argument of the last head: a length, a count or a value. */
  argument = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  refuse(code: WireErrorCode, why: string): never {
    throw new WireError(code, `dag-cbor, byte ${this.at}: ${why}`)
  }

  need(count: number): void {
    if (count > this.bytes.length - this.at) this.refuse('malformed', 'the bytes end within a value')
  }

  /** Reads the argument that follows an initial byte, insisting on its shortest form. */
  readArgument(initial: number): void {
    const info = initial & 31
    if (info < 24) {
      this.argument = info
      return
    }
    if (info > 27) this.refuse(info === 31 ? 'not-canonical' : 'malformed', 'an indefinite or reserved length')
    const size = 1 << (info - 24)
    this.need(size)
    const at = this.at
    this.at += size
    if (size === 1) this.shortest(this.bytes[at]!, 24)
    else if (size === 2) this.shortest(this.view.getUint16(at), 0x100)
    else if (size === 4) this.shortest(this.view.getUint32(at), 0x10000)
    else {
      const high = this.view.getUint32(at)
      if (high >= 0x200000) this.refuse('malformed', UNSAFE_INTEGER)
      this.shortest(high * 0x100000000 + this.view.getUint32(at + 4), 0x100000000)
    }
  }

  shortest(argument: number, least: number): void {
    if (argument < least) this.refuse('not-canonical', 'a length or integer in more bytes than it needs')
    this.argument = argument
  }

  /** Steps over `length` bytes of text. */
  text(length: number): void {
    this.need(length)
    const { bytes, at } = this
    const end = at + length
    let i = at
    while (i < end && bytes[i]! < 0x80) i++
    if (i < end) {
      try {
        utf8.decode(bytes.subarray(at, end))
      } catch {
        this.refuse('malformed', 'text that is not UTF-8')
      }
      if (bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf) {
        this.refuse('malformed', 'text that starts with a byte-order mark, which decoders drop')
      }
    }
    this.at = end
  }

  /** Steps over a map's key; keys rise by length, then by bytes, so none comes twice. */
  key(previousStart: number, previousLength: number): void {
    this.need(1)
    const initial = this.bytes[this.at++]!
    if (initial >> 5 !== 3) this.refuse('malformed', 'a map key that is not text')
    this.readArgument(initial)
    const length = this.argument
    const start = this.at
    this.text(length)
    this.argument = length
    if (previousStart < 0) return
    if (length > previousLength) return
    const order = length < previousLength ? -1 : this.compare(previousStart, start, length)
    if (order <= 0) {
      this.refuse(order === 0 ? 'malformed' : 'not-canonical', order === 0 ? 'a key twice' : 'keys out of order')
    }
  }

  /** 1 when the second run of bytes comes after the first, 0 when equal. */
  compare(first: number, second: number, length: number): number {
    for (let i = 0; i < length; i++) {
      const difference = this.bytes[second + i]! - this.bytes[first + i]!
      if (difference !== 0) return difference > 0 ? 1 : -1
    }
    return 0
  }

  isProto(start: number, length: number): boolean {
    if (length !== 9 || this.bytes[start] !== 0x5f) return false
    return String.fromCharCode(...this.bytes.subarray(start, start + 9)) === '__proto__'
  }

  value(depth: number): void {
    if (++this.items > MAX_ITEMS) this.refuse('too-large', `more than ${MAX_ITEMS} values`)
    this.need(1)
    const initial = this.bytes[this.at++]!
    switch (initial >> 5) {
      case 0:
        return this.readArgument(initial)
      case 1:
        this.readArgument(initial)
        // -1 - argument must be a safe integer too.
        if (this.argument >= Number.MAX_SAFE_INTEGER) this.refuse('malformed', UNSAFE_INTEGER)
        return
      case 2:
        this.readArgument(initial)
        this.need(this.argument)
        this.at += this.argument
        return
      case 3:
        this.readArgument(initial)
        return this.text(this.argument)
      case 4:
        return this.list(initial, depth)
      case 5:
        return this.map(initial, depth)
      case 6:
        return this.refuse('malformed', 'a tag: links are not used here')
      default:
        return this.simple(initial)
    }
  }

  list(initial: number, depth: number): void {
    if (depth >= MAX_DEPTH) this.refuse('too-deep', `nested deeper than ${MAX_DEPTH}`)
    this.readArgument(initial)
    const count = this.argument
    this.need(count)
    for (let i = 0; i < count; i++) this.value(depth + 1)
  }

  map(initial: number, depth: number): void {
    if (depth >= MAX_DEPTH) this.refuse('too-deep', `nested deeper than ${MAX_DEPTH}`)
    this.readArgument(initial)
    const count = this.argument
    this.need(count * 2)
    let start = -1
    let length = 0
    for (let i = 0; i < count; i++) {
      this.key(start, length)
      length = this.argument
      start = this.at - length
      // As an own property it is harmless until somebody copies it.
      if (this.isProto(start, length)) this.refuse('malformed', 'a key named __proto__')
      this.items++
      this.value(depth + 1)
    }
  }

  /** false, true, null and doubles that are no integers. */
  simple(initial: number): void {
    if (initial >= 0xf4 && initial <= 0xf6) return
    if (initial !== 0xfb)
      this.refuse(initial === 0xf9 || initial === 0xfa ? 'not-canonical' : 'malformed', 'an unknown simple value')
    this.need(8)
    const number = this.view.getFloat64(this.at)
    if (!Number.isFinite(number)) this.refuse('malformed', 'a number that is not finite')
    if (Number.isSafeInteger(number)) this.refuse('not-canonical', 'an integer written as a float')
    this.at += 8
  }
}

/**
 * Returns when `bytes` hold exactly one value, canonically encoded, within the limits of depth and items.
 * @throws WireError `malformed`, `not-canonical`, `too-deep` or `too-large`
 */
export function assertCanonical(bytes: Uint8Array): void {
  const scanner = new Scanner(bytes)
  scanner.value(0)
  if (scanner.at !== bytes.length) scanner.refuse('malformed', 'bytes follow the value')
}
