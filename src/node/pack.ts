/**
 * Packs what a run left in `$ALTHING_OUTPUT`: what an archive can hold of it, and under a bound, since the slot of the
 * run is kept for so long.
 */
import { AlthingError } from '../util/errors.ts'
import { LeftOut } from '../util/left-out.ts'
import { PackError } from '../util/pack-entry.ts'
import { packTree } from '../util/pack-tree.ts'
import type { BundleStore, StoredBundle } from './bundle-store.ts'

/** Packing stood still: what it reads from or writes to does not answer. */
export class PackStalled extends AlthingError<'stalled'> {}

/** An output that is in the store. */
export interface PackedOutput extends StoredBundle {
  /** What is not in it, and why. */
  readonly leftOut: string | undefined
}

/**
 * Packs a directory into the store.
 * @param idleMs how long it may stand still
 * @throws PackStalled, PackError, BundleError; the signal's reason, at once, when that ended it
 */
export async function packOutput(
  dir: string,
  bundles: Pick<BundleStore, 'add'>,
  idleMs: number,
  signal: AbortSignal,
): Promise<PackedOutput> {
  signal.throwIfAborted()
  const leftOut = new LeftOut()
  const source = packTree({
    cwd: dir,
    paths: ['.'],
    leaveOutUnreadable: true,
    onLeftOut: (path, why) => {
      leftOut.add(path, why)
      idle.refresh()
    },
  })
  // The store says of every failure that it could not store the bundle. That something could not be read the source
  // says; destroyed, it fails too, and must find a listener when the store is not listening yet.
  let fault: PackError | undefined
  source.on('error', (error) => void (error instanceof PackError && (fault = error)))
  const ended = Promise.withResolvers<never>()
  const end = (reason: unknown): void => {
    ended.reject(reason)
    source.destroy(reason instanceof Error ? reason : new Error('packing was ended'))
  }
  const idle = setTimeout(() => {
    // Once all is read, it is this node's own disk that takes its time.
    if (!source.readableEnded) end(new PackStalled('stalled', `nothing could be read for ${idleMs / 1000} s`))
  }, idleMs)
  const onAbort = (): void => end(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const adding = bundles.add(source, undefined, () => void idle.refresh())
    // A call that hangs in the kernel cannot be ended, and is not waited for.
    adding.catch(() => undefined)
    const stored = await Promise.race([adding, ended.promise])
    return { ...stored, leftOut: leftOut.describe() }
  } catch (error) {
    throw fault ?? error
  } finally {
    clearTimeout(idle)
    signal.removeEventListener('abort', onAbort)
  }
}
