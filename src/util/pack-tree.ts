/**
 * Packs files and directories into a tar that is the same for the same content, so that its hash names the content.
 *
 * The walk is our own: the library's (tar 7.5.23) never ends its stream when there is something beside a directory
 * that it cannot pack, knows no names but UTF-8, and reads 16 MiB at a time. The format is the library's.
 */
import type { Stats } from 'node:fs'
import { Readable } from 'node:stream'
import type * as Tar from 'tar'
import type { HeaderData } from 'tar'
import { contentOf, lookAt, shownName, type Found } from './pack-entry.ts'

/** What to pack. */
export interface PackTreeOptions {
  /** Absolute. */
  readonly cwd: string
  /** Relative to `cwd` and without `..`; of a directory all that is below. They are the names in the archive. */
  readonly paths: readonly string[]
  /** Told of each entry that an archive cannot hold, and why: pipes, sockets, devices, names that are not UTF-8. */
  readonly onLeftOut: (path: string, why: string) => void
  /** Told of each symbolic link before it is packed, and where it leads; may throw, which ends the stream. */
  readonly onLink?: (path: string, target: string) => void
  /** Leave out what may not be read, too. Otherwise that is an error. @default false */
  readonly leaveOutUnreadable?: boolean
}

const BLOCK_BYTES = 512
const SLASH = 0x2f
/** Entries that are looked at before it is their turn: half of the time of small files is waiting for the system. */
const AHEAD = 4

/** An entry whose turn will come, and what is there once it was looked at. */
interface Pending {
  readonly path: Buffer
  readonly isRoot: boolean
  found?: Promise<Found>
}

/**
 * The tar as a stream. Directories come before what is in them, and that in the order of its names' bytes. What
 * vanishes while it is packed is not in it.
 *
 * The stream fails with PackError. Destroyed, it ends with the system call under way: one that hangs (a file system
 * that does not answer) is waited for by nobody.
 */
export function packTree(options: PackTreeOptions): Readable {
  return Readable.from(pack(options), { objectMode: false })
}

async function* pack(options: PackTreeOptions): AsyncGenerator<Buffer> {
  const tar = await import('tar')
  /** The name under which a file of several names was packed, by device and inode. */
  const packedAs = new Map<string, string>()
  const pending: Pending[] = options.paths.toReversed().map((path) => ({ path: Buffer.from(path), isRoot: true }))
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { path } = entry
    const found = await begin(options, entry)
    if (found.kind === 'directory')
      for (const child of childrenOf(path, found.names).toReversed()) pending.push({ path: child, isRoot: false })
    for (const next of pending.slice(-AHEAD)) void begin(options, next)
    const name = path.toString()
    if (found.kind === 'link') options.onLink?.(name, found.target.toString())
    const data = headerOf(found, name, packedAs)
    const header = data && encodeHeader(tar, data)
    if (header !== undefined) yield* header
    else if (found.kind === 'unpackable') options.onLeftOut(shownName(path), found.why)
    else if (found.kind !== 'gone') options.onLeftOut(shownName(path), 'a long name has a line break')
    if (header === undefined || found.kind !== 'file' || data?.type !== 'File') continue
    for await (const chunk of contentOf(options.cwd, path, found)) yield inBlocks(chunk)
    if (found.stats.nlink > 1) packedAs.set(keyOf(found.stats), name)
  }
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

function begin(options: PackTreeOptions, entry: Pending): Promise<Found> {
  if (entry.found === undefined) {
    entry.found = lookAt(options, entry.path, entry.isRoot)
    // It fails when it is its turn.
    entry.found.catch(() => undefined)
  }
  return entry.found
}

function inBlocks(chunk: Buffer): Buffer {
  const over = chunk.length % BLOCK_BYTES
  return over === 0 ? chunk : Buffer.concat([chunk, Buffer.alloc(BLOCK_BYTES - over)])
}

function keyOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`
}

function headerOf(found: Found, name: string, packedAs: ReadonlyMap<string, string>): HeaderData | undefined {
  if (found.kind === 'directory')
    return { path: name.endsWith('/') ? name : `${name}/`, type: 'Directory', ...metaOf(found.stats) }
  if (found.kind === 'link')
    return { path: name, linkpath: found.target.toString(), type: 'SymbolicLink', ...metaOf(found.stats) }
  if (found.kind !== 'file') return undefined
  const linkpath = found.stats.nlink > 1 ? packedAs.get(keyOf(found.stats)) : undefined
  if (linkpath !== undefined && linkpath !== name) return { path: name, linkpath, type: 'Link', ...metaOf(found.stats) }
  return { path: name, type: 'File', ...metaOf(found.stats), size: found.stats.size }
}

/** @returns undefined when the library could not read it back: it takes a line break for the end of a pax record */
function encodeHeader({ Header, Pax }: typeof Tar, data: HeaderData): Buffer[] | undefined {
  const header = new Header(data)
  if (!header.encode()) return [header.block!]
  if (`${data.path}${data.linkpath ?? ''}`.includes('\n')) return undefined
  return [new Pax(data).encode(), header.block!]
}

function childrenOf(path: Buffer, names: readonly Buffer[]): Buffer[] {
  const base = path.at(-1) === SLASH ? path : Buffer.concat([path, Buffer.from('/')])
  return names.toSorted(Buffer.compare).map((name) => Buffer.concat([base, name]))
}

/** What differs from user to user is not in it: owners, and what a umask takes away. */
function metaOf(stats: Stats): HeaderData {
  const mode = (stats.mode & 0o755) | 0o600
  // Who may read a directory may enter it.
  if (stats.isDirectory()) return { mode: mode | ((mode & 0o444) >> 2), size: 0 }
  return { mode, size: 0, mtime: stats.mtime }
}
