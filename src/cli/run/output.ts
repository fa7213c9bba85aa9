/** `--output DIR`: brings back what a task left in `$ALTHING_OUTPUT`. */
import { pipeline } from 'node:stream/promises'
import type { ReadEntry } from 'tar'
import type { TaskView } from '../../model/api.ts'
import { LeftOut } from '../../util/left-out.ts'
import { makeDirectory } from '../../util/make-directory.ts'
import type { DaemonClient } from '../client.ts'
import { checkDirectory } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { taskPath } from '../views.ts'
import { leadsOut } from './links.ts'

/** What may come out of a tar from another machine; devices and pipes may not. */
const WANTED = new Set(['File', 'OldFile', 'ContiguousFile', 'Directory', 'SymbolicLink', 'Link'])

/**
 * Makes the directory before anything is run: work must not end in one that cannot be written.
 * @throws CliError usage
 */
export function prepareOutput(dir: string): void {
  checkDirectory(dir, 0o777, `--output ${shownWord(dir)}`, './result')
}

/**
 * Unpacks a task's output into a directory, which is made when missing. Links that lead out of it are left out: on this
 * machine they would lead to something else, or to what nobody meant.
 * @returns what is to be said of it: what was left out, there or here
 * @throws ApiProblem when there is none
 */
export async function fetchOutput(client: DaemonClient, { taskId, exit }: TaskView, dir: string): Promise<string[]> {
  const response = await client.open(taskPath(taskId, '/output'))
  const { extract } = await import('tar')
  makeDirectory(dir, 0o777)
  const leftOut = new LeftOut()
  let entries = 0
  let ended = false
  const unpack = extract({
    cwd: dir,
    // Files belong to whoever fetched them, also when that is root; tar refuses paths that lead out of `dir`.
    preserveOwner: false,
    strict: true,
    filter: (path, entry) => {
      entries++
      const why = 'linkpath' in entry ? whyUnwanted(path, entry) : undefined
      if (why !== undefined) leftOut.add(path, why)
      return why === undefined
    },
    // No set-uid bits from elsewhere.
    onReadEntry: (entry) => void (entry.mode !== undefined && (entry.mode &= 0o777)),
  })
  unpack.on('eof', () => (ended = true))
  try {
    await pipeline(response, unpack as unknown as NodeJS.WritableStream)
  } catch (error) {
    // An archive of nothing but its end is a good one; the library does not know it as an archive.
    const isEmpty = ended && entries === 0 && (error as { tarCode?: string }).tarCode === 'TAR_BAD_ARCHIVE'
    if (!isEmpty) throw error
  }
  const here = leftOut.describe()
  return [
    ...(exit?.outputNote === undefined ? [] : [exit.outputNote]),
    ...(here === undefined ? [] : [`left out: ${here}`]),
  ]
}

function whyUnwanted(path: string, { type, linkpath }: ReadEntry): string | undefined {
  if (!WANTED.has(type)) return `a ${type}`
  return type === 'SymbolicLink' && linkpath !== undefined && leadsOut(path, linkpath)
    ? `leads out of the output, to ${linkpath}`
    : undefined
}
