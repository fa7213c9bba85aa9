/**
 * Read-only access to a tree of kernel files. The real machine is the tree at `/`; tests use another root.
 *
 * Reads are synchronous: these files live in memory and take some 10 µs each, a tenth of what a trip
 * through the thread pool costs, and the daemon's start waits for them. Only asking a file system for
 * its free space, which may hang, is asynchronous.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** Paths are absolute, as seen from within the tree. */
export interface FileTree {
  /** The file's text, or undefined when it cannot be read for whatever reason. */
  read(path: string): string | undefined
  /** Names in a directory, sorted; empty when it cannot be read. */
  list(path: string): string[]
  exists(path: string): boolean
  /** Bytes an ordinary user may still write at this mount point, or undefined when that cannot be told. */
  freeBytes(path: string): Promise<number | undefined>
}

/** The tree below `root`. */
export function fileTree(root = '/'): FileTree {
  const base = root.endsWith('/') ? root.slice(0, -1) : root
  return {
    read(path) {
      try {
        return readFileSync(base + path, 'utf8')
      } catch {
        // Absent, hidden, or a link without speed: all the same to whoever asks.
        return undefined
      }
    },
    list(path) {
      try {
        return readdirSync(base + path).toSorted(byName)
      } catch {
        return []
      }
    },
    exists: (path) => existsSync(base + path),
    async freeBytes(path) {
      try {
        const { bavail, bsize } = await statfs(base + path)
        return bavail * bsize
      } catch {
        return undefined
      }
    },
  }
}

/** `sda2` before `sda10`. The locale must not matter: the order is part of a signed record. */
const collator = new Intl.Collator('en', { numeric: true })
function byName(a: string, b: string): number {
  return collator.compare(a, b)
}

/** A file that holds one word or line, trimmed; undefined when absent or empty. */
export function readLine(tree: FileTree, path: string): string | undefined {
  const line = tree.read(path)?.trim()
  return line === '' ? undefined : line
}

/** A file that holds one decimal number. Undefined when it holds anything else, or more than 2^53. */
export function readInteger(tree: FileTree, path: string): number | undefined {
  return parseInteger(tree.read(path))
}

/** Decimal digits, perhaps with a sign and blanks around. */
export function parseInteger(text: string | undefined): number | undefined {
  if (text === undefined || !/^\s*-?\d{1,16}\s*$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}
