import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * A hash over the names and contents of files and of folders with all they hold. By content, not by
 * time: a fresh clone and a switched branch have times that mean nothing.
 */
export function hashInputs(root: string, inputs: readonly string[]): string {
  const hash = createHash('sha256')
  for (const path of inputs.flatMap((input) => filesOf(join(root, input))).toSorted()) {
    const contents = readFileSync(path)
    hash.update(`${relative(root, path)}\0${contents.length}\0`).update(contents)
  }
  return hash.digest('hex')
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
