/** Machines to probe: those of `test/fixtures/hw`, unpacked into directories, and ones made up in memory. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { FileTree } from '../../../src/hw/file-tree.ts'

export type TreeName = 'v1-container' | 'v2-nested' | 'hybrid' | 'arm-big-little'

/** Path → text of every file of a fixture. */
export function treeFiles(name: TreeName): Map<string, string> {
  const text = readFileSync(new URL(`../../fixtures/hw/${name}.tree`, import.meta.url), 'utf8')
  const [, ...parts] = text.split(/^-- (\/\S+) --\n/m)
  const files = new Map<string, string>()
  for (let at = 0; at < parts.length; at += 2) files.set(parts[at]!, parts[at + 1]!)
  return files
}

/** Writes a fixture below a new temporary directory. */
export function unpackTree(name: TreeName): {
  root: string
  write: (path: string, text: string) => void
  remove: () => void
} {
  const root = mkdtempSync(join(tmpdir(), 'althing-hw-'))
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, text] of treeFiles(name)) write(path, text)
  return { root, write, remove: () => rmSync(root, { recursive: true }) }
}

/** A tree held in memory. Files can be changed through the map while it is in use. */
export function memoryTree(files: Map<string, string>, free: ReadonlyMap<string, number> = new Map()): FileTree {
  const below = (path: string): string[] => [...files.keys()].filter((file) => file.startsWith(`${path}/`))
  return {
    read: (path) => files.get(path),
    list: (path) => [...new Set(below(path).map((file) => file.slice(path.length + 1).split('/', 1)[0]!))].toSorted(),
    exists: (path) => files.has(path) || below(path).length > 0,
    freeBytes: async (path) => free.get(path),
  }
}
