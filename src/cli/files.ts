/** Files and directories that a user names: whether they are there, and what the system says of them in words. */
import { accessSync, constants, statSync } from 'node:fs'
import { messageOf } from '../util/errors.ts'
import { makeDirectory } from '../util/make-directory.ts'
import { CliError, usageError } from './errors.ts'
import { shownWord } from './terminal.ts'

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory',
  EACCES: 'this user is not permitted to',
  EPERM: 'this user is not permitted to',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: "this user's share of its disk is used up",
  ENAMETOOLONG: 'a name in the path is too long',
  ELOOP: 'its symbolic links go in a circle',
}

/** Why a file or directory cannot be used, as the end of a sentence. */
export function describeFileError(error: unknown): string {
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return (code === undefined ? undefined : WORDS[code]) ?? messageOf(error)
}

/** A file that could not be written. */
export function unwritable(path: string, cause: unknown): CliError {
  return new CliError('unwritable', `${shownWord(path)} cannot be written: ${describeFileError(cause)}`, {
    cause,
    fix: 'name a file in a directory of yours, on a disk with room',
  })
}

/**
 * Makes sure that there is a file to read.
 * @param named how the user named it, as the message begins: `--passport writer.yaml`
 * @param example of a better one
 * @throws CliError usage
 */
export function checkFile(path: string, named: string, example: string): void {
  const fault = faultOf(() => {
    accessSync(path, constants.R_OK)
    return statSync(path).isDirectory() ? 'it is a directory' : undefined
  })
  if (fault !== undefined) throw usageError(`${named}: ${fault}; expected a file that can be read, such as ${example}`)
}

/**
 * Makes sure that there is a directory to write to; one that is missing is made.
 * @param mode of what is made
 * @param named how the user named it, as the message begins: `--output ./result`
 * @param example of a better one
 * @throws CliError usage
 */
export function checkDirectory(path: string, mode: number, named: string, example: string): void {
  const fault = faultOf(() => {
    makeDirectory(path, mode)
    if (!statSync(path).isDirectory()) return 'it is a file'
    accessSync(path, constants.W_OK | constants.X_OK)
    return undefined
  })
  if (fault === undefined) return
  throw usageError(`${named}: ${fault}; expected a directory that can be written, such as ${example}`)
}

function faultOf(look: () => string | undefined): string | undefined {
  try {
    return look()
  } catch (error) {
    return describeFileError(error)
  }
}
