/** `mkdir -p`, for a path that a user names. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a directory and those above it; one that is there already is left as it is.
 *
 * Node's own `recursive` goes round for ever where the kernel answers ENOENT although the parent is there, as it
 * does in /proc (Node 24.21).
 * @throws the system's error
 */
export function makeDirectory(path: string, mode: number): void {
  try {
    makeOne(path, mode)
    return
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    makeDirectory(parent, mode)
  }
  makeOne(path, mode)
}

function makeOne(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
