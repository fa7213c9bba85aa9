/** Mutations of bytes. */
import type { Rng } from '../../src/util/rng.ts'

/** Bytes that mean much in dag-cbor and protobuf: heads of huge lengths, breaks, tags, floats, varints. */
const TELLING = [
  0x00, 0x01, 0x17, 0x18, 0x1b, 0x3b, 0x5b, 0x5f, 0x7b, 0x7f, 0x80, 0x81, 0x9b, 0x9f, 0xa0, 0xbb, 0xbf, 0xd8, 0xf7,
  0xf9, 0xfb, 0xff,
]

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - remove + insert.length)
  out.set(bytes.subarray(0, at))
  out.set(insert, at)
  out.set(bytes.subarray(at + remove), at + insert.length)
  return out
}

function mutateOnce(bytes: Uint8Array, others: readonly Uint8Array[], rng: Rng): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(rng.int(256))
  const at = rng.int(bytes.length)
  const length = Math.min(1 + rng.int(16), bytes.length - at)
  switch (rng.int(10)) {
    case 0: {
      // one bit
      const out = Uint8Array.from(bytes)
      out[at]! ^= 1 << rng.int(8)
      return out
    }
    case 1: {
      // one byte
      const out = Uint8Array.from(bytes)
      out[at] = rng.int(256)
      return out
    }
    case 2: {
      // a telling byte
      const out = Uint8Array.from(bytes)
      out[at] = rng.pick(TELLING)
      return out
    }
    case 3: {
      // a length off by little
      const out = Uint8Array.from(bytes)
      out[at] = (out[at]! + rng.pick([-2, -1, 1, 2])) & 0xff
      return out
    }
    case 4: // cut short
      return bytes.slice(0, at)
    case 5: // something taken out
      return splice(bytes, at, length, new Uint8Array(0))
    case 6: // a piece repeated
      return splice(bytes, at, 0, bytes.slice(at, at + length))
    case 7: // a varint in more bytes than it needs
      return splice(bytes, at, 1, Uint8Array.of(bytes[at]! | 0x80, 0))
    case 8: {
      // a piece of another input
      const other = rng.pick(others)
      const from = rng.int(other.length + 1)
      return splice(bytes, at, rng.int(length + 1), other.slice(from, from + 1 + rng.int(64)))
    }
    default: // junk
      return splice(
        bytes,
        at,
        0,
        Uint8Array.from({ length: 1 + rng.int(8) }, () => rng.int(256)),
      )
  }
}

/** One to three mutations of one of the inputs. */
export function mutate(inputs: readonly Uint8Array[], rng: Rng): Uint8Array {
  let bytes = rng.pick(inputs)
  for (let i = rng.int(3); i >= 0; i--) bytes = mutateOnce(bytes, inputs, rng)
  return bytes
}
