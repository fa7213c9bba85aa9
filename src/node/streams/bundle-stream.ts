/**
 * `/althing/bundle/1`: one bundle, by hash. The asker names the hash and an offset; the holder answers
 * with the size and then the bytes. Knowing the hash is the right to read: it is told only in offers,
 * awards and reports, over authenticated links, and cannot be guessed.
 */
import { Readable, type Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { Sha256Hex } from '../../model/identifiers.ts'
import { messageOf } from '../../util/errors.ts'
import { BundleError, type BundleStore, type StoredBundle } from '../bundle-store.ts'
import type { TransferMeter } from '../link-speeds.ts'
import { firstMessage, MessageReader, writeMessage } from './framing.ts'

const Ask = z.strictObject({ sha256: Sha256Hex, offset: z.int().min(0) })
const Answer = z.union([z.strictObject({ sizeBytes: z.int().min(0) }), z.strictObject({ error: z.string().max(1024) })])

/** How a bundle is served. */
export interface ServeOptions {
  /** How long the asker may take to say what it wants. @default 10000 */
  readonly askWithinMs?: number
  /** An asker that takes no byte for so long is let go: it would keep its turn from others. @default 60000 */
  readonly idleMs?: number
  /** Waits for a turn to send; resolves with what ends it. Without it every asker is served at once. */
  readonly enter?: (signal: AbortSignal) => Promise<() => void>
  /** Times what is sent. */
  readonly meter?: TransferMeter
}

const SERVE_IDLE_MS = 60_000

/** Serves one inbound bundle stream to its end. Never throws: a bad peer costs one stream. */
export async function serveBundle(
  stream: Duplex,
  bundles: BundleStore,
  { askWithinMs, idleMs = SERVE_IDLE_MS, enter, meter }: ServeOptions = {},
): Promise<void> {
  const gone = new AbortController()
  stream.once('close', () => gone.abort())
  let leave: (() => void) | undefined
  let idle: NodeJS.Timeout | undefined
  try {
    const asked = Ask.safeParse(await firstMessage(stream, askWithinMs))
    if (!asked.success) return void stream.destroy()
    const { sha256, offset } = asked.data
    const sizeBytes = bundles.sizeOf(sha256)
    if (sizeBytes === undefined || offset > sizeBytes) {
      await writeMessage(stream, { error: 'no such bundle here' })
      stream.end()
      return
    }
    leave = await enter?.(gone.signal)
    const timer = setTimeout(() => stream.destroy(), idleMs)
    idle = timer
    await writeMessage(stream, { sizeBytes })
    // A chunk is asked for once there is room for it: once the other side took those before.
    const watched = async function* (chunks: AsyncIterable<Uint8Array>) {
      let bytes = 0
      for await (const chunk of chunks) {
        timer.refresh()
        meter?.through(bytes)
        yield chunk
        bytes += chunk.length
      }
      meter?.through(bytes)
    }
    await pipeline(bundles.read(sha256, offset), watched, stream)
    meter?.done()
  } catch {
    stream.destroy()
  } finally {
    clearTimeout(idle)
    leave?.()
  }
}

/** What is expected of a transfer, and who is told how it goes. */
export interface FetchOptions {
  /** A larger bundle is refused before its first byte. Without it the store's own bound holds. */
  readonly maxBytes?: number
  readonly onProgress?: (bytes: number, ofBytes: number) => void
}

/**
 * Fetches a bundle into the store, checking its size and hash.
 * @throws BundleError; `io` when it may be worth trying again
 */
export async function fetchBundle(
  stream: Duplex,
  sha256: string,
  bundles: BundleStore,
  { maxBytes, onProgress }: FetchOptions = {},
): Promise<StoredBundle> {
  try {
    await writeMessage(stream, { sha256, offset: 0 })
    const reader = new MessageReader(stream)
    const answer = Answer.safeParse(await reader.next())
    if (!answer.success) throw new BundleError('io', 'the other side does not speak the bundle protocol')
    if ('error' in answer.data)
      throw new BundleError('not-found', `bundle ${sha256.slice(0, 12)}…: ${answer.data.error}`)
    const { sizeBytes } = answer.data
    if (maxBytes !== undefined && sizeBytes > maxBytes)
      throw new BundleError('too-large', `the bundle is said to have ${sizeBytes} bytes, ${maxBytes} were agreed on`)
    const body = Readable.from(exactly(reader.rest(), sizeBytes))
    return await bundles.add(body, sha256, (bytes) => onProgress?.(bytes, sizeBytes))
  } catch (error) {
    if (error instanceof BundleError) throw error
    throw new BundleError('io', `bundle ${sha256.slice(0, 12)}… did not arrive: ${messageOf(error)}`, { cause: error })
  } finally {
    stream.destroy()
  }
}

/** Fewer bytes than announced: the link broke, which is not the same as another content. More: a liar. */
async function* exactly(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > sizeBytes) throw new BundleError('too-large', `more bytes came than the ${sizeBytes} announced`)
    yield chunk
  }
  if (bytes < sizeBytes) throw new BundleError('io', `only ${bytes} of ${sizeBytes} bytes came`)
}
