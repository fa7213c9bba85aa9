/** Packs `--input` paths into a tar and hands it to the daemon. */
import { lstatSync, readdirSync } from 'node:fs'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { BundleAccepted } from '../../model/api.ts'
import { LeftOut } from '../../util/left-out.ts'
import { PACKABLE, unpackableKind } from '../../util/pack-entry.ts'
import { packTree } from '../../util/pack-tree.ts'
import type { DaemonClient } from '../client.ts'
import { usageError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { leadsOut } from './links.ts'

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
    const kind = kindOf(join(cwd, path), input)
    if (kind !== undefined) {
      throw usageError(
        `--input ${shownWord(input)}: it is ${kind}; expected ${PACKABLE}`,
        'put what it gives in a file',
      )
    }
    return path === '' ? '.' : path
  })
}

function kindOf(path: string, input: string): string | undefined {
  try {
    return unpackableKind(lstatSync(path))
  } catch (error) {
    throw usageError(`--input ${shownWord(input)}: ${describeFileError(error)}`)
  }
}

/**
 * Uploads the paths.
 * @param onLeftOut told at the end, in words, what was left out: what lies in a directory and an archive cannot hold
 * @throws CliError, ApiProblem
 */
export async function uploadBundle(
  client: DaemonClient,
  paths: readonly string[],
  cwd: string,
  onLeftOut: (what: string) => void,
  onProgress?: OnProgress,
): Promise<BundleAccepted> {
  const leftOut = new LeftOut()
  const tar = packTree({
    cwd,
    paths: paths.map(nameOf),
    onLeftOut: (path, why) => leftOut.add(path, why),
    onLink: refuseLeadingOut,
  })
  if (onProgress !== undefined) {
    const totalBytes = tarSize(paths, cwd)
    let sentBytes = 0
    tar.on('data', (chunk: Buffer) => onProgress((sentBytes += chunk.length), totalBytes))
  }
  const accepted = await client.send<BundleAccepted>('/v1/bundles', 'application/x-tar', tar)
  const what = leftOut.describe()
  if (what !== undefined) onLeftOut(what)
  return accepted
}

/** Where the task runs there is nothing outside of what travels: better known before it is sent. */
function refuseLeadingOut(path: string, target: string): void {
  if (!leadsOut(path, target)) return
  throw usageError(
    `--input: the link ${shownWord(path)} leads out of what is sent, to ${shownWord(target)}`,
    'send what it leads to in its place, or a link within the working directory',
  )
}

/** The library that unpacks it takes `c:` at the beginning for a drive. */
function nameOf(path: string): string {
  return /^[a-z]:/i.test(path) ? `./${path}` : path
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
