/**
 * Brings a bundle here from another node: again and again with growing waits, until it is here, it is
 * certain that it never will be, or the caller's patience ends. A transfer that stands still is broken off.
 * Each try waits for its turn (`lanes.ts`) and gives it back before the next: who cannot be had now does not
 * hold up the others.
 */
import { addAbortSignal, type Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../util/clock.ts'
import { AlthingError, messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { BundleError, type BundleStore } from './bundle-store.ts'
import type { Lanes } from './lanes.ts'
import type { LinkSpeeds } from './link-speeds.ts'
import { fetchBundle } from './streams/bundle-stream.ts'

/** Where bundles come from, and go to. */
export interface TransferOptions {
  readonly self: string
  readonly bundles: BundleStore
  readonly clock: Clock
  readonly log: Logger
  readonly openBundleStream: (peer: string, signal: AbortSignal) => Promise<Duplex>
  /** A transfer that brings no byte for so long is broken off. @default 60000 */
  readonly idleMs?: number
  /** Where is kept how fast bundles come. */
  readonly speeds?: LinkSpeeds
}

/** One bundle, from whom, and for how long it is tried. */
export interface WantedBundle {
  readonly sha256: string
  /** More than this is refused. Undefined when it was not told: then only the store's own bound holds. */
  readonly sizeBytes: number | undefined
  readonly from: string
  /** For messages. */
  readonly what: string
  /**
   * Given up after so long without a single byte, milliseconds; waiting for a turn does not count. Infinity: only
   * `signal` ends it.
   */
  readonly patienceMs: number
  /** A full disk here ends it, too: somebody waits for an answer. */
  readonly needsDiskNow: boolean
  /** Where it waits for its turn. */
  readonly lanes: Lanes
  readonly signal: AbortSignal
  /** So many bytes of it came; fewer than before when it is tried again. */
  readonly onProgress?: (bytes: number) => void
}

export const IDLE_MS = 60_000
/** The first wait before another try, and the longest: each is twice the one before. */
export const FIRST_WAIT_MS = 500
export const MAX_WAIT_MS = 30_000
/** Failures beyond this are only told at the debug level: a transfer may be tried for a day. */
const TOLD_FAILURES = 5

/** What trying again cannot change. */
const FINAL: ReadonlySet<string> = new Set(['not-found', 'hash-mismatch', 'too-large'])

/** How long to wait before try number `failures` + 1. */
export function waitAfter(failures: number): number {
  return Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10))
}

/**
 * Resolves once the bundle is in the store.
 * @throws AlthingError `bundle` when it cannot be had; the signal's reason when that ended it
 */
export async function bringBundle(options: TransferOptions, wanted: WantedBundle): Promise<void> {
  const { bundles, clock, log, self } = options
  const { sha256, from, what, patienceMs, needsDiskNow, lanes, signal } = wanted
  let lastByteMs = clock.nowMs()
  for (let failures = 0; !bundles.has(sha256); failures++) {
    try {
      signal.throwIfAborted()
      if (from === self) throw new BundleError('not-found', `bundle ${sha256.slice(0, 12)}… is no longer on this node`)
      const askedMs = clock.nowMs()
      const leave = await lanes.enter(from, sha256, signal)
      lastByteMs += clock.nowMs() - askedMs
      try {
        // It may have come for somebody else meanwhile.
        if (bundles.has(sha256)) return
        await tryOnce(options, wanted, () => {
          lastByteMs = clock.nowMs()
          failures = 0
        })
      } finally {
        leave()
      }
    } catch (error) {
      signal.throwIfAborted()
      const final =
        error instanceof BundleError && (FINAL.has(error.code) || (needsDiskNow && error.code === 'disk-full'))
      const waitMs = waitAfter(failures)
      if (final || clock.nowMs() + waitMs - lastByteMs > patienceMs)
        throw new AlthingError('bundle', `${what} did not arrive: ${messageOf(error)}`, { cause: error })
      const told = { failures: failures + 1, error: messageOf(error) }
      if (failures < TOLD_FAILURES) log.warn(told, `${what} did not arrive, trying again`)
      else log.debug(told, `${what} did not arrive, trying again`)
      await pause(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

async function tryOnce(
  { bundles, openBundleStream, speeds, idleMs = IDLE_MS }: TransferOptions,
  { sha256, sizeBytes, from, signal, onProgress }: WantedBundle,
  onByte: () => void,
): Promise<void> {
  const idle = new AbortController()
  const timer = setTimeout(() => idle.abort(new BundleError('io', `no byte came for ${idleMs / 1000} s`)), idleMs)
  const ended = AbortSignal.any([signal, idle.signal])
  try {
    const stream = await openBundleStream(from, ended)
    // Whoever reads it sees its error; an `error` event after that must find a listener all the same.
    stream.on('error', () => {})
    addAbortSignal(ended, stream)
    const meter = speeds?.meter(from, 'receive')
    await fetchBundle(stream, sha256, bundles, {
      ...(sizeBytes === undefined ? {} : { maxBytes: sizeBytes }),
      onProgress: (bytes) => {
        timer.refresh()
        onByte()
        meter?.through(bytes)
        onProgress?.(bytes)
      },
    })
    meter?.done()
  } catch (error) {
    throw idle.signal.aborted ? idle.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}
