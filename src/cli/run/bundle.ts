/** Packs `--input` paths into a tar and hands it to the daemon. */
import { lstatSync, readdirSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { PassThrough, type Readable } from 'node:stream'
import type { BundleAccepted } from '../../model/api.ts'
import type { DaemonClient } from '../client.ts'
import { usageError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { shownWord } from '../terminal.ts'

/** Told how much of the whole has been handed over. */
export type OnProgress = (sentBytes: number, totalBytes: number) => void

/**
 * The paths as they will stand in the task's working directory: relative to `cwd`, as the command
 * names them. What lies outside of it is refused, since any other name for it would be a surprise.
 * @throws CliError usage
 */
export function bundlePaths(inputs: readonly string[], cwd: string): string[] {
  return inputs.map((input) => {
    const path = relative(cwd, resolve(cwd, input))
    if (path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) {
      throw usageError(
        `--input ${shownWord(input)}: lies outside the working directory ${cwd}`,
        'change into a directory above it, and name it from there',
      )
    }
    try {
      lstatSync(join(cwd, path))
    } catch (error) {
      throw usageError(`--input ${shownWord(input)}: ${describeFileError(error)}`)
    }
    return path === '' ? '.' : path
  })
}

/** Uploads the paths. @throws CliError, ApiProblem */
export async function uploadBundle(
  client: DaemonClient,
  paths: readonly string[],
  cwd: string,
  onProgress?: OnProgress,
): Promise<BundleAccepted> {
  const tar = await packPaths(paths, cwd)
  if (onProgress !== undefined) {
    const totalBytes = tarSize(paths, cwd)
    let sentBytes = 0
    tar.on('data', (chunk: Buffer) => onProgress((sentBytes += chunk.length), totalBytes))
  }
  return client.send<BundleAccepted>('/v1/bundles', 'application/x-tar', tar)
}

/** A tar stream of the paths, with nothing in it that differs from user to user, so that equal files hash alike. */
export async function packPaths(paths: readonly string[], cwd: string): Promise<Readable> {
  const { create } = await import('tar')
  // tar reads a name that begins with @ as an archive to copy from.
  const names = paths.map((path) => (path.startsWith('@') ? `./${path}` : path))
  const pack = create({ cwd, portable: true, follow: false }, names)
  // tar's own stream type is not Node's.
  const out = new PassThrough()
  pack.on('error', (error: unknown) => out.destroy(error as Error))
  pack.pipe(out)
  return out
}

const BLOCK_BYTES = 512

/** About how large the tar will be: a header for each entry, contents in whole blocks, two blocks at the end. */
function tarSize(paths: readonly string[], cwd: string): number {
  let blocks = 2
  const add = (path: string): void => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return
    blocks += 1 + (found.isFile() ? Math.ceil(found.size / BLOCK_BYTES) : 0)
    if (found.isDirectory()) for (const name of readdirSync(path)) add(join(path, name))
  }
  for (const path of paths) add(join(cwd, path))
  return blocks * BLOCK_BYTES
}
