/**
 * Brings a bundle here from another node: again and again with growing waits, until it is here, it is
 * certain that it never will be, or the caller's patience ends. A transfer that stands still is broken off.
 */
import { addAbortSignal, type Duplex } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../util/clock.ts'
import { AlthingError, messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { BundleError, type BundleStore } from './bundle-store.ts'
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
}

/** One bundle, from whom, and for how long it is tried. */
export interface WantedBundle {
  readonly sha256: string
  /** More than this is refused. Undefined when it was not told: then only the store's own bound holds. */
  readonly sizeBytes: number | undefined
  readonly from: string
  /** For messages. */
  readonly what: string
  /** Given up after so long without a single byte, milliseconds. Infinity: only `signal` ends it. */
  readonly patienceMs: number
  /** A full disk here ends it, too: somebody waits for an answer. */
  readonly needsDiskNow: boolean
  readonly signal: AbortSignal
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
  const { sha256, from, what, patienceMs, needsDiskNow, signal } = wanted
  let lastByteMs = clock.nowMs()
  for (let failures = 0; !bundles.has(sha256); failures++) {
    try {
      signal.throwIfAborted()
      if (from === self) throw new BundleError('not-found', `bundle ${sha256.slice(0, 12)}… is no longer on this node`)
      await tryOnce(options, wanted, () => {
        lastByteMs = clock.nowMs()
        failures = 0
      })
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
  { bundles, openBundleStream, idleMs = IDLE_MS }: TransferOptions,
  { sha256, sizeBytes, from, signal }: WantedBundle,
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
    await fetchBundle(stream, sha256, bundles, {
      ...(sizeBytes === undefined ? {} : { maxBytes: sizeBytes }),
      onProgress: () => {
        timer.refresh()
        onByte()
      },
    })
  } catch (error) {
    throw idle.signal.aborted ? idle.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}
