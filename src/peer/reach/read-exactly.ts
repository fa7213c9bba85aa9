/** Reading a few bytes of a stream, for protocols of a few bytes. */
import { once } from 'node:events'
import type { Duplex } from 'node:stream'

/**
 * The next bytes of a stream; what comes after them stays in it.
 * @throws RangeError when it ends before, and whatever the signal says when it fires
 */
export async function readExactly(duplex: Duplex, count: number, signal: AbortSignal): Promise<Buffer> {
  for (;;) {
    const got = duplex.read(count) as Buffer | null
    if (got !== null && got.length === count) return got
    if (got !== null || duplex.readableEnded || duplex.destroyed)
      throw new RangeError('fewer bytes than there should be')
    // Whatever comes first; the others stop waiting then.
    const heard = new AbortController()
    const either = { signal: AbortSignal.any([signal, heard.signal]) }
    try {
      await Promise.race(['readable', 'end', 'close'].map(async (event) => once(duplex, event, either)))
    } finally {
      heard.abort()
    }
  }
}
