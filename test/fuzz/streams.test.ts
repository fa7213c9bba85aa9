/**
 * What comes over streams: the frames of the control stream, cut anywhere, and the messages that a task or
 * bundle stream begins with, to who serves one and to who asks. A stream is lost by junk, nothing else.
 */
import assert from 'node:assert/strict'
import { Readable, type Duplex } from 'node:stream'
import { encode } from '@ipld/dag-cbor'
import type { TaskDriver } from '../../src/drivers/driver.ts'
import { BundleError, type BundleStore } from '../../src/node/bundle-store.ts'
import { fetchBundle, serveBundle } from '../../src/node/streams/bundle-stream.ts'
import { MAX_STREAM_MESSAGE_BYTES, MessageReader } from '../../src/node/streams/framing.ts'
import { fetchLogs, serveLogs, type LogChunk } from '../../src/node/streams/log-stream.ts'
import { FrameDecoder, FrameError, prefixBytes, writeFrame } from '../../src/peer/frames.ts'
import type { Rng } from '../../src/util/rng.ts'
import { decode } from '../../src/wire/codec.ts'
import { MAX_FRAME_BYTES } from '../../src/wire/limits.ts'
import { fuzz, SEED } from './fuzz.ts'
import { frames } from './inputs.ts'
import { mutateValue } from './mutate-values.ts'
import { mutate } from './mutate.ts'

const SHA256 = '0123456789abcdef'.repeat(4)
const SIZE_BYTES = 1_000

/** An encoded message as task and bundle streams carry it. */
function framed(body: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

/** One of the messages, mutated as a value, as its bytes, or together with its length. */
function mutants(...messages: readonly unknown[]): (rng: Rng) => Uint8Array {
  const bodies = messages.map((message) => encode(message))
  const whole = bodies.map(framed)
  return (rng) => {
    const how = rng.int(4)
    if (how === 0) return mutate(whole, rng)
    return framed(how === 1 ? mutate(bodies, rng) : encode(mutateValue(messages, rng)))
  }
}

/** The messages at the beginning of some bytes, read the simple way; undefined where they are junk. */
function messagesIn(bytes: Buffer): unknown[] | undefined {
  const messages: unknown[] = []
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + (bytes.length - at < 4 ? Infinity : bytes.readUInt32BE(at))
    if (end > bytes.length) return undefined
    messages.push(decode(bytes.subarray(at + 4, end), MAX_STREAM_MESSAGE_BYTES))
    at = end
  }
  return messages
}

/**
 * The other side of a stream: says what it was told to, then ends; keeps what it hears. As much of a stream as
 * its users here need: a real one would take most of the time.
 */
class Scripted {
  readonly heard: Buffer[] = []
  destroyed = false
  readonly #says: readonly Uint8Array[]

  /** Cut in two, since nothing keeps messages together on the way. */
  constructor(says: Uint8Array) {
    const half = says.length >> 1
    this.#says = [says.subarray(0, half), says.subarray(half)]
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (const part of this.#says) yield part
  }

  write(chunk: Buffer): boolean {
    this.heard.push(chunk)
    return true
  }

  destroy(): void {
    this.destroyed = true
  }

  /** Nothing ever happens to it. */
  on(): void {}
  once(): void {}
  off(): void {}
  end(): void {}
}

/** It stands in for a stream. */
const scripted = (says: Uint8Array) => new Scripted(says) as Scripted & Duplex

/** Frames, or undefined for what cannot be frames, read the simple way from all bytes at once. */
function framesIn(bytes: Uint8Array): Uint8Array[] | undefined {
  const found: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    let length = 0
    let count = 0
    for (;;) {
      if (at + count === bytes.length) return count < 3 ? found : undefined
      const byte = bytes[at + count]!
      length += (byte & 127) * 128 ** count
      count++
      if (byte < 128) break
      if (count === 3) return undefined
    }
    if (length > MAX_FRAME_BYTES || (count > 1 && length < 128 ** (count - 1))) return undefined
    at += count
    if (length > 0 && at + length <= bytes.length) found.push(bytes.subarray(at, at + length))
    at += length
  }
  return found
}

const isWhole = (offset: unknown) => Number.isInteger(offset) && (offset as number) >= 0
const isStream = (name: string) => name === 'stdout' || name === 'stderr'
const hex = (pieces: readonly Uint8Array[]) => pieces.map((piece) => Buffer.from(piece).toString('hex'))

describe('fuzz/streams', function () {
  // Some seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('frames of the control stream: the same frames wherever the bytes are cut, or refused', async () => {
    const streams = frames().map((frame) => {
      // A keepalive on each side of it.
      const bytes = new Uint8Array(prefixBytes(frame.length) + frame.length + 2)
      writeFrame(bytes, 1, frame)
      return bytes
    })
    const { accepted, refused } = await fuzz({
      name: 'FrameDecoder',
      next: (rng) => {
        const bytes = Buffer.concat([mutate(streams, rng), rng.pick(streams)])
        return { bytes, cuts: [rng.int(bytes.length + 1), rng.int(bytes.length + 1)].toSorted((a, b) => a - b) }
      },
      decode: ({ bytes, cuts: [first, second] }) => {
        const decoder = new FrameDecoder()
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)]
        return pieces.flatMap((piece) => decoder.push(piece))
      },
      accepted: (found, { bytes }) => {
        const expected = framesIn(bytes)
        assert.ok(expected !== undefined, 'these bytes are not frames')
        assert.deepEqual(hex(found), hex(expected))
      },
      codeOf: (error) => (error instanceof FrameError ? 'junk' : undefined),
    })
    assert.ok(accepted > 1000 && refused['junk']! > 1000, JSON.stringify({ accepted, refused }))
  })

  it('messages: those that were written, or refused', async () => {
    const { accepted, refused } = await fuzz({
      name: 'MessageReader',
      next: mutants({ sha256: SHA256, offset: 0 }, { stream: 'stdout', offset: 5, data: new Uint8Array(40).fill(9) }),
      decode: async (bytes) => {
        const reader = new MessageReader(scripted(bytes))
        const messages: unknown[] = []
        for (let next = await reader.next(); next !== undefined; next = await reader.next()) messages.push(next)
        return messages
      },
      accepted: (messages, bytes) => assert.deepEqual(messages, messagesIn(Buffer.from(bytes))),
    })
    for (const code of ['malformed', 'not-canonical', 'cut-off', 'too-large'])
      assert.ok(refused[code]! > 100, JSON.stringify({ accepted, refused }))
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  it('never waits for, nor allocates, more than a message may have', async () => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(MAX_STREAM_MESSAGE_BYTES + 1)
    await assert.rejects(new MessageReader(Readable.from([head])).next(), { code: 'too-large' })
  })

  /** Servants swallow what goes wrong in them, so that what they must not do is noted here. */
  const misdeeds: string[] = []
  const must = (holds: boolean, what: string): void => void (holds || misdeeds.push(what))
  beforeEach(() => misdeeds.splice(0))

  it('who serves bundles reads from a bundle it has, at an offset that is in it, or nothing', async () => {
    const asked = { known: 0, unknown: 0 }
    const bundles = {
      sizeOf: (sha256: string) => {
        must(/^[0-9a-f]{64}$/.test(sha256), `asked for ${sha256}`)
        return sha256 === SHA256 ? SIZE_BYTES : undefined
      },
      read: (sha256: string, offset: number) => {
        must(sha256 === SHA256 && isWhole(offset) && offset <= SIZE_BYTES, `read ${sha256} at ${offset}`)
        throw new BundleError('io', 'that is all this test wants to know')
      },
    } as unknown as BundleStore
    await fuzz({
      name: 'serveBundle',
      next: mutants({ sha256: SHA256, offset: 0 }, { sha256: SHA256, offset: 999 }),
      decode: async (bytes) => {
        const stream = scripted(bytes)
        await serveBundle(stream, bundles)
        return stream.heard
      },
      accepted: ([answer]) => {
        assert.deepEqual(misdeeds, [])
        if (answer === undefined) return
        const [said] = messagesIn(answer) as [{ sizeBytes?: number; error?: string }]
        if (said.sizeBytes === SIZE_BYTES) asked.known++
        else if (said.error === 'no such bundle here') asked.unknown++
        else assert.fail(JSON.stringify(said))
      },
    })
    assert.ok(asked.known > 1000 && asked.unknown > 1000, JSON.stringify(asked))
  })

  it('who fetches a bundle stores what was announced at most, or says what was wrong', async () => {
    let stored = 0
    const bundles = {
      add: async (body: Readable, sha256: string) => {
        must(sha256 === SHA256, `stored ${sha256}`)
        let sizeBytes = 0
        for await (const chunk of body) sizeBytes += (chunk as Buffer).length
        must(sizeBytes <= SIZE_BYTES, `stored ${sizeBytes} bytes`)
        stored++
        return { sha256, sizeBytes }
      },
    } as unknown as BundleStore
    const body = Buffer.alloc(SIZE_BYTES, 7)
    const next = mutants({ sizeBytes: SIZE_BYTES }, { error: 'no such bundle here' })
    const { refused } = await fuzz({
      name: 'fetchBundle',
      next: (rng) => Buffer.concat([next(rng), body]),
      decode: (bytes) => fetchBundle(scripted(bytes), SHA256, bundles, { maxBytes: SIZE_BYTES }),
      codeOf: (error) => (error instanceof BundleError ? error.code : undefined),
    })
    assert.deepEqual(misdeeds, [])
    assert.ok(stored > 500, `${stored} stored`)
    for (const code of ['io', 'not-found', 'too-large']) assert.ok(refused[code]! > 100, JSON.stringify(refused))
  })

  it('who serves logs reads runs at whole offsets, and only for who may', async () => {
    const read = { runs: 0, offsets: 0 }
    const driver = {
      async *readLog(runId: string, stream: string, { offset }: { offset: number }) {
        must(runId === 'abc.1' && isStream(stream) && isWhole(offset), `read ${stream} of ${runId} at ${offset}`)
        read.offsets++
        yield Buffer.from('x')
      },
    } as unknown as TaskDriver
    const mayRead = (runId: string) => {
      must(typeof runId === 'string' && runId.length <= 96, `asked for ${runId}`)
      read.runs++
      return runId === 'abc.1'
    }
    await fuzz({
      name: 'serveLogs',
      next: mutants(
        { runId: 'abc.1', stdout: 0, stderr: 7, follow: true },
        { runId: 'abc.1', stdout: 3, follow: false },
      ),
      decode: async (bytes) => {
        const stream = scripted(bytes)
        await serveLogs(stream, { driver, mayRead, untilRun: async () => true })
        return stream.heard
      },
      accepted: (heard) => {
        assert.deepEqual(misdeeds, [])
        const last = heard.at(-1)
        if (last !== undefined) assert.match(JSON.stringify(messagesIn(last)), /^\[\{"(end|error)":/)
      },
    })
    assert.ok(read.runs > 1000 && read.offsets > 1000, JSON.stringify(read))
  })

  it('who fetches logs gets pieces of a stream at whole offsets, or is told what was wrong', async () => {
    const next = mutants(
      { stream: 'stdout', offset: 5, data: new Uint8Array(40).fill(9) },
      { end: true },
      { error: 'no such run here' },
    )
    const end = framed(encode({ end: true }))
    const { accepted, refused } = await fuzz({
      name: 'fetchLogs',
      next: (rng) => Buffer.concat([next(rng), end]),
      decode: async (bytes) => {
        const chunks: LogChunk[] = []
        for await (const chunk of fetchLogs(scripted(bytes), { runId: 'abc.1', stdout: 0, follow: false }))
          chunks.push(chunk)
        return chunks
      },
      accepted: (chunks) => {
        for (const { stream, offset, data } of chunks) {
          assert.ok(isStream(stream) && isWhole(offset) && data instanceof Uint8Array)
        }
      },
    })
    assert.ok(accepted > 1000 && refused['cut-off']! > 1000, JSON.stringify({ accepted, refused }))
  })
})
