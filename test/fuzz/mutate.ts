/** Mutations of valid inputs, seeded, and what every decoder must stand up to. */
import assert from 'node:assert/strict'
import { AlthingError } from '../../src/util/errors.ts'
import { seededRng, type Rng } from '../../src/util/rng.ts'

/** `ALTHING_FUZZ_SEED` replays a run; otherwise every run is another one. */
export const SEED = Number(process.env['ALTHING_FUZZ_SEED'] ?? Date.now() % 2 ** 32)

/** Mutations per binary decoder. */
export const MUTATIONS = 100_000

/** What the heap may grow by while a hundred thousand inputs go through a decoder: garbage, not hoards. */
const MAX_HEAP_GROWTH_BYTES = 192 * 1024 * 1024
const HEAP_CHECK_EVERY = 2_000

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
  switch (rng.int(9)) {
    case 0: {
      // one bit
      const out = bytes.slice()
      out[at]! ^= 1 << rng.int(8)
      return out
    }
    case 1: {
      // one byte
      const out = bytes.slice()
      out[at] = rng.int(256)
      return out
    }
    case 2: {
      // a telling byte
      const out = bytes.slice()
      out[at] = rng.pick(TELLING)
      return out
    }
    case 3: {
      // a length off by little
      const out = bytes.slice()
      out[at] = (out[at]! + rng.pick([-2, -1, 1, 2])) & 0xff
      return out
    }
    case 4: // cut short
      return bytes.slice(0, at)
    case 5: // something taken out
      return splice(bytes, at, length, new Uint8Array(0))
    case 6: // a piece repeated
      return splice(bytes, at, 0, bytes.slice(at, at + length))
    case 7: {
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

/**
 * Runs `decode` over `count` inputs made by `next`. Refusals must be errors of ours, with a code; what is
 * accepted goes to `accepted`; the heap must not grow.
 * @returns how many were accepted, and how many refused by code
 */
export function fuzz<Input, Output>(
  name: string,
  count: number,
  next: (rng: Rng) => Input,
  decode: (input: Input) => Output,
  accepted: (output: Output, input: Input) => void,
): { accepted: number; refused: Record<string, number> } {
  const rng = seededRng(SEED)
  const refused: Record<string, number> = {}
  let taken = 0
  const heapAtStart = process.memoryUsage().heapUsed
  for (let i = 0; i < count; i++) {
    const input = next(rng)
    let output: Output
    try {
      output = decode(input)
    } catch (error) {
      if (!(error instanceof AlthingError)) throw explain(name, i, input, error)
      refused[error.code] = (refused[error.code] ?? 0) + 1
      continue
    }
    taken++
    try {
      accepted(output, input)
    } catch (error) {
      throw explain(name, i, input, error)
    }
    if (i % HEAP_CHECK_EVERY === 0) {
      const grown = process.memoryUsage().heapUsed - heapAtStart
      assert.ok(
        grown < MAX_HEAP_GROWTH_BYTES,
        `${name}: the heap grew by ${grown} bytes after ${i} inputs, seed ${SEED}`,
      )
    }
  }
  return { accepted: taken, refused }
}

function explain(name: string, i: number, input: unknown, cause: unknown): Error {
  const shown = input instanceof Uint8Array ? Buffer.from(input).toString('hex') : JSON.stringify(input)
  return new Error(`${name}: seed ${SEED}, input ${i}: ${String(cause)}\n${shown.slice(0, 4000)}`, { cause })
}
