/** `--output DIR`: brings back what a task left in `$ALTHING_OUTPUT`. */
import { pipeline } from 'node:stream/promises'
import { makeDirectory } from '../../util/make-directory.ts'
import type { DaemonClient } from '../client.ts'
import { checkDirectory } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { taskPath } from '../views.ts'

/** What may come out of a tar from another machine; devices and pipes may not. */
const WANTED = new Set(['File', 'OldFile', 'ContiguousFile', 'Directory', 'SymbolicLink', 'Link'])

/**
 * Makes the directory before anything is run: work must not end in one that cannot be written.
 * @throws CliError usage
 */
export function prepareOutput(dir: string): void {
  checkDirectory(dir, 0o777, `--output ${shownWord(dir)}`, './result')
}

/** Unpacks a task's output into a directory, which is made when missing. @throws ApiProblem when there is none */
export async function fetchOutput(client: DaemonClient, taskId: string, dir: string): Promise<void> {
  const response = await client.open(taskPath(taskId, '/output'))
  const { extract } = await import('tar')
  makeDirectory(dir, 0o777)
  const unpack = extract({
    cwd: dir,
    // Files belong to whoever fetched them, also when that is root; tar refuses paths that lead out of `dir`.
    preserveOwner: false,
    strict: true,
    filter: (_path, entry) => 'type' in entry && WANTED.has(entry.type),
    // No set-uid bits from elsewhere.
    onReadEntry: (entry) => void (entry.mode !== undefined && (entry.mode &= 0o777)),
  })
  await pipeline(response, unpack as unknown as NodeJS.WritableStream)
}
