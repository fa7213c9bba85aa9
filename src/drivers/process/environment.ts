/** What a task finds around it: its environment variables and the meaning of its command's first word. */
import { accessSync, constants, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { StartOrder } from '../driver.ts'
import { DriverError } from '../errors.ts'
import type { RunPaths } from './run-folder.ts'

/** Where commands are sought when the task brings no PATH: the login default of the common distributions. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Nothing of the daemon's own environment: it may hold secrets, and would make runs differ by machine. */
export function taskEnvironment(
  order: StartOrder,
  paths: Pick<RunPaths, 'work' | 'tmp' | 'out'>,
): Record<string, string> {
  return {
    PATH: DEFAULT_PATH,
    HOME: paths.work,
    LANG: 'C.UTF-8',
    TMPDIR: paths.tmp,
    ...order.env,
    ALTHING_TASK: order.taskId,
    ALTHING_ATTEMPT: String(order.attempt),
    // What is not kept may be written all the same: it goes with the rest of the run.
    ALTHING_OUTPUT: order.keepOutput ? paths.out : paths.tmp,
    ...(order.isolation && { ALTHING_ISOLATION: 'bwrap' }),
  }
}

/**
 * Checks that the command can be executed, by the rules the shim's `exec` follows. As in a shell, what is not there
 * and what may not be executed are told apart: 127 and 126. `locate` says where on the host a path of the task's lies,
 * and of which there are none.
 * @throws DriverError `no-command`, `not-executable`
 */
export function checkCommand(
  word: string,
  path: string,
  workFolder: string,
  locate: (path: string) => string | undefined = (found) => found,
): void {
  const byName = !word.includes('/')
  const folders = byName ? path.split(':').map((place) => resolve(workFolder, place)) : [workFolder]
  const found: { readonly folder: string; readonly kind: Kind | undefined }[] = []
  for (const folder of word === '' ? [] : folders) {
    const kind = kindOf(locate(resolve(folder, word)))
    if (kind === 'program') return
    found.push({ folder, kind })
  }
  const meta = { command: word }
  const shown = JSON.stringify(word.length > SHOWN_LENGTH ? `${word.slice(0, SHOWN_LENGTH)}…` : word)
  // A folder that a search comes across is passed over; one that is named is not.
  const stands = found.find(({ kind }) => kind === 'file' || kind === 'unreadable' || (kind === 'folder' && !byName))
  if (stands === undefined) {
    throw new DriverError('no-command', `command not found: ${shown}`, {
      fix: byName
        ? `install it on this machine, or set PATH for the task (it is ${path})`
        : 'send the program with --input and name it from the working directory, or name an absolute path',
      meta,
    })
  }
  const { why, fix } = NOT_EXECUTABLE[stands.kind as keyof typeof NOT_EXECUTABLE]
  const place = byName ? ` in ${stands.folder}` : ''
  throw new DriverError('not-executable', `cannot execute ${shown}${place}: ${why}`, { fix, meta })
}

/** A word that is shown in an error is cut here. */
const SHOWN_LENGTH = 200

const NOT_EXECUTABLE = {
  file: {
    why: 'it is a file without the permission to be executed',
    fix: '`chmod +x` it, or name the program that reads it, such as `sh FILE`',
  },
  folder: { why: 'it is a directory', fix: 'name a program in it' },
  unreadable: { why: 'the user of the daemon may not look into its directory', fix: 'name a program elsewhere' },
} as const

/** Where a program of this system is, or undefined. */
export function findProgram(word: string): string | undefined {
  return DEFAULT_PATH.split(':')
    .map((folder) => join(folder, word))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  return kindOf(path) === 'program'
}

type Kind = 'program' | 'file' | 'folder' | 'unreadable'

/** What stands at a path; undefined: nothing, or nothing that a program can be. */
function kindOf(path: string | undefined): Kind | undefined {
  if (path === undefined) return undefined
  try {
    // Most folders of a PATH do not have it, and to make an error of that takes longer than to look.
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat?.isDirectory() === true) return 'folder'
    if (stat?.isFile() !== true) return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'unreadable' : undefined
  }
  try {
    accessSync(path, constants.X_OK)
    return 'program'
  } catch {
    return 'file'
  }
}
