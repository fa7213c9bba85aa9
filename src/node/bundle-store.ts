/**
 * Bundles on disk: tars named by their sha256, the input that travels to an executor and the output
 * that comes back. A bundle is in place only once its hash was checked; a partial one is a `.part` file
 * that the next start sweeps away.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AlthingError, messageOf } from '../util/errors.ts'

/** `hash-mismatch`: what came is not what was named. `too-large`: over `maxBytes`. Nothing is kept of either. */
export class BundleError extends AlthingError<'hash-mismatch' | 'too-large' | 'disk-full' | 'not-found' | 'io'> {}

/** Where bundles are kept, and how many bytes of them. */
export interface BundleStoreOptions {
  readonly dir: string
  /** Largest single bundle. @default 4 GiB */
  readonly maxBytes?: number
  /** All bundles together; the least recently used go first. @default 16 GiB */
  readonly maxTotalBytes?: number
  /** Hashes that must not be swept: inputs of unfinished work, outputs not yet fetched. */
  readonly inUse?: () => ReadonlySet<string>
  /** A bundle arrived or went. */
  readonly onChange?: (sha256: string, here: boolean) => void
}

/** A bundle that is in place. */
export interface StoredBundle {
  readonly sha256: string
  readonly sizeBytes: number
}

const GIB = 1024 ** 3
const NAME = /^[0-9a-f]{64}$/

export class BundleStore {
  readonly #dir: string
  readonly #maxBytes: number
  readonly #maxTotalBytes: number
  /** Size by hash, least recently used first. */
  readonly #sizes = new Map<string, number>()
  readonly #onChange: (sha256: string, here: boolean) => void
  readonly #inUse: () => ReadonlySet<string>

  constructor(options: BundleStoreOptions) {
    this.#dir = options.dir
    this.#maxBytes = options.maxBytes ?? 4 * GIB
    this.#maxTotalBytes = options.maxTotalBytes ?? 16 * GIB
    this.#inUse = options.inUse ?? (() => new Set())
    this.#onChange = options.onChange ?? (() => {})
  }

  /** Reads what is there and removes leftovers of interrupted transfers. */
  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const found: { name: string; sizeBytes: number; usedMs: number }[] = []
    for (const name of await readdir(this.#dir)) {
      const path = join(this.#dir, name)
      if (!NAME.test(name)) await rm(path, { force: true, recursive: true })
      else {
        const info = await stat(path)
        found.push({ name, sizeBytes: info.size, usedMs: info.mtimeMs })
      }
    }
    found.sort((a, b) => a.usedMs - b.usedMs)
    for (const { name, sizeBytes } of found) this.#sizes.set(name, sizeBytes)
  }

  has(sha256: string): boolean {
    return this.#sizes.has(sha256)
  }

  /** Hashes of everything that is here. */
  list(): string[] {
    return [...this.#sizes.keys()]
  }

  path(sha256: string): string {
    return join(this.#dir, sha256)
  }

  sizeOf(sha256: string): number | undefined {
    return this.#sizes.get(sha256)
  }

  /** Reads a bundle from `offset`. @throws BundleError `not-found` */
  read(sha256: string, offset = 0): Readable {
    const sizeBytes = this.#sizes.get(sha256)
    if (sizeBytes === undefined) throw new BundleError('not-found', `bundle ${sha256.slice(0, 12)} is not on this node`)
    this.#touch(sha256, sizeBytes)
    return createReadStream(this.path(sha256), { start: offset })
  }

  #touch(sha256: string, sizeBytes: number): void {
    this.#sizes.delete(sha256)
    this.#sizes.set(sha256, sizeBytes)
    const now = new Date()
    // Best effort: the time only orders what is swept first after a restart.
    utimes(this.path(sha256), now, now).catch(() => undefined)
  }

  /**
   * Stores a stream, hashing it on the way.
   * @param expected when given, what its hash must be
   * @throws BundleError; nothing is kept then
   */
  async add(source: Readable, expected?: string, onProgress?: (bytes: number) => void): Promise<StoredBundle> {
    const part = join(this.#dir, `${randomBytes(8).toString('hex')}.part`)
    const hash = createHash('sha256')
    let sizeBytes = 0
    const meter = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        sizeBytes += chunk.length
        if (sizeBytes > this.#maxBytes)
          return done(new BundleError('too-large', `the bundle is larger than ${this.#maxBytes} bytes`))
        hash.update(chunk)
        onProgress?.(sizeBytes)
        done(null, chunk)
      },
    })
    try {
      // On disk before it has its name: after a power cut a file may be there under its name without its bytes, and
      // the name is all that is looked at from then on. Reading every bundle at each start would take minutes.
      await pipeline(source, meter, createWriteStream(part, { mode: 0o600, flush: true }))
      const sha256 = hash.digest('hex')
      if (expected !== undefined && sha256 !== expected) {
        throw new BundleError(
          'hash-mismatch',
          `the bundle received has hash ${sha256.slice(0, 12)}…, not ${expected.slice(0, 12)}… as named`,
        )
      }
      await rename(part, this.path(sha256))
      await this.#syncDirectory()
      const isNew = !this.#sizes.has(sha256)
      this.#touch(sha256, sizeBytes)
      if (isNew) this.#onChange(sha256, true)
      await this.#sweep()
      return { sha256, sizeBytes }
    } catch (error) {
      await rm(part, { force: true })
      throw asBundleError(error)
    }
  }

  /** So that a bundle that somebody was told of is there after a power cut. Not every file system can do it. */
  async #syncDirectory(): Promise<void> {
    const dir = await open(this.#dir)
    try {
      await dir.sync().catch(() => undefined)
    } finally {
      await dir.close()
    }
  }

  async #sweep(): Promise<void> {
    let total = 0
    for (const sizeBytes of this.#sizes.values()) total += sizeBytes
    if (total <= this.#maxTotalBytes) return
    const inUse = this.#inUse()
    for (const [sha256, sizeBytes] of this.#sizes) {
      if (total <= this.#maxTotalBytes) return
      if (inUse.has(sha256)) continue
      await rm(this.path(sha256), { force: true })
      this.#sizes.delete(sha256)
      this.#onChange(sha256, false)
      total -= sizeBytes
    }
  }
}

function asBundleError(error: unknown): BundleError {
  if (error instanceof BundleError) return error
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BundleError('disk-full', 'the disk is full: the bundle was not stored', {
      cause: error,
      fix: 'free space below the data directory',
    })
  }
  return new BundleError('io', `the bundle could not be stored: ${messageOf(error)}`, { cause: error })
}
