/** Looks at what is to be packed: its kind, its contents, and why an archive cannot hold it. */
import { isUtf8 } from 'node:buffer'
import { constants, type Stats } from 'node:fs'
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises'
import { AlthingError } from './errors.ts'

/** `unreadable`: the system does not let it be read. `changed`: a file is shorter than when it was looked at. */
export class PackError extends AlthingError<'unreadable' | 'changed'> {}

/** A file. `content` when it is small; a larger one is read when its turn comes. */
export interface FoundFile {
  readonly kind: 'file'
  readonly stats: Stats
  readonly content: Buffer | undefined
}

/** An entry as it is on disk. `gone`: it vanished meanwhile. */
export type Found =
  | FoundFile
  | { readonly kind: 'directory'; readonly stats: Stats; readonly names: readonly Buffer[] }
  | { readonly kind: 'link'; readonly stats: Stats; readonly target: Buffer }
  | { readonly kind: 'unpackable'; readonly why: string }
  | { readonly kind: 'gone' }

/** Read from a file at once; a file of no more is small. A multiple of a tar's blocks. */
const READ_BYTES = 256 * 1024
/** Deeper than this the library unpacks nothing (`maxDepth` is 1024). */
const MAX_DEPTH = 1_000
/** Neither follows a link that takes a file's place meanwhile, nor waits for whoever writes to a pipe. */
const READ_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** In a message: what an archive can hold. */
export const PACKABLE = 'files, directories and symbolic links'

/** What kind of thing it is, when an archive cannot hold it. */
export function unpackableKind(stats: Stats): string | undefined {
  if (stats.isFile() || stats.isDirectory() || stats.isSymbolicLink()) return undefined
  if (stats.isFIFO()) return 'a named pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

/**
 * What is at a path now. Nothing stays open.
 * @param path below `cwd`, as bytes: not every name is UTF-8
 * @param isRoot it was asked for by its name: it must be there
 * @throws PackError
 */
export async function lookAt(
  { cwd, leaveOutUnreadable }: { readonly cwd: string; readonly leaveOutUnreadable?: boolean },
  path: Buffer,
  isRoot: boolean,
): Promise<Found> {
  const fault = faultOfName(path)
  if (fault !== undefined) return { kind: 'unpackable', why: fault }
  try {
    return await lookAtAbsolute(absoluteOf(cwd, path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENAMETOOLONG') return { kind: 'unpackable', why: 'its path is too long' }
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !isRoot) return { kind: 'gone' }
    // A link, a socket or a device took the place of a file.
    if (code === 'ELOOP' || code === 'ENXIO') return { kind: 'unpackable', why: 'no plain file any more' }
    if ((code === 'EACCES' || code === 'EPERM') && leaveOutUnreadable === true)
      return { kind: 'unpackable', why: 'it may not be read' }
    throw unreadable(path, error)
  }
}

async function lookAtAbsolute(absolute: Buffer): Promise<Found> {
  const stats = await lstat(absolute)
  if (stats.isDirectory()) return { kind: 'directory', stats, names: await readdir(absolute, { encoding: 'buffer' }) }
  if (stats.isSymbolicLink()) {
    const target = await readlink(absolute, { encoding: 'buffer' })
    return isUtf8(target)
      ? { kind: 'link', stats, target }
      : { kind: 'unpackable', why: 'it leads to what is not UTF-8' }
  }
  if (!stats.isFile()) return { kind: 'unpackable', why: unpackableKind(stats)! }
  if (stats.size > READ_BYTES || stats.size === 0) {
    return { kind: 'file', stats, content: stats.size === 0 ? Buffer.alloc(0) : undefined }
  }
  await using file = await open(absolute, READ_FILE)
  const now = await file.stat()
  if (!now.isFile()) return { kind: 'unpackable', why: 'no plain file any more' }
  if (now.size > READ_BYTES) return { kind: 'file', stats: now, content: undefined }
  const content = Buffer.allocUnsafe(now.size)
  const { bytesRead } = await file.read(content, 0, content.length, 0)
  return { kind: 'file', stats: now, content: bytesRead === content.length ? content : undefined }
}

/**
 * Just as many bytes as `stats` says, in chunks of whole blocks but for the last. What is appended meanwhile is not
 * among them.
 * @throws PackError
 */
export async function* contentOf(cwd: string, path: Buffer, { stats, content }: FoundFile): AsyncGenerator<Buffer> {
  if (content !== undefined) {
    if (content.length > 0) yield content
    return
  }
  await using file = await openAgain(cwd, path)
  for (let at = 0; at < stats.size; at += READ_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, stats.size - at))
    for (let filled = 0; filled < chunk.length;) {
      const read = file.read(chunk, filled, chunk.length - filled, at + filled)
      const { bytesRead } = await read.catch((error: unknown) => {
        throw unreadable(path, error)
      })
      if (bytesRead === 0) throw changed(path)
      filled += bytesRead
    }
    yield chunk
  }
}

async function openAgain(cwd: string, path: Buffer): Promise<FileHandle> {
  try {
    return await open(absoluteOf(cwd, path), READ_FILE)
  } catch (error) {
    // Its header is written: there is no leaving it out any more.
    throw unreadable(path, error)
  }
}

function absoluteOf(cwd: string, path: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${cwd}/`), path])
}

function unreadable(path: Buffer, error: unknown): PackError {
  const { code } = error as NodeJS.ErrnoException
  return new PackError('unreadable', `${shownName(path)} cannot be read: ${code ?? String(error)}`, { cause: error })
}

function changed(path: Buffer): PackError {
  return new PackError('changed', `${shownName(path)} became shorter while it was packed`)
}

/** Why the library could not unpack something of this name. */
function faultOfName(path: Buffer): string | undefined {
  if (!isUtf8(path)) return 'its name is not UTF-8'
  const name = path.toString()
  if (name.split('/').length > MAX_DEPTH) return 'it lies too deep'
  // To the library a backslash separates directories, too.
  return name.includes('\\') && name.split(/[\\/]/).includes('..') ? 'there is .. in its name' : undefined
}

/** A name in a message: bytes that are no UTF-8 as `\xe9`. */
export function shownName(path: Buffer): string {
  if (isUtf8(path)) return path.toString()
  const hex = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  return path.toString('latin1').replaceAll(/[^\u0020-\u007e]/g, hex)
}
