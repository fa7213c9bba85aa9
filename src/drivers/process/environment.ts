/** What a task finds around it: its environment variables and the meaning of its command's first word. */
import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { StartOrder } from '../driver.ts'
import { DriverError } from '../errors.ts'
import type { RunPaths } from './run-folder.ts'

/** Where commands are sought when the task brings no PATH: the login default of the common distributions. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Nothing of the daemon's own environment: it may hold secrets, and would make runs differ by machine. */
export function taskEnvironment(order: StartOrder, paths: RunPaths): Record<string, string> {
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
  }
}

/**
 * Checks that the command can be executed, by the rules the shim's `exec` follows.
 * @throws DriverError `no-command`
 */
export function checkCommand(word: string, path: string, workFolder: string): void {
  const places = word.includes('/') ? [''] : path.split(':')
  if (word !== '') {
    for (const place of places) {
      const folder = isAbsolute(place) ? place : resolve(workFolder, place)
      if (isExecutable(isAbsolute(word) ? word : join(folder, word))) return
    }
  }
  throw new DriverError('no-command', `command not found: ${JSON.stringify(word)}`, {
    fix: word.includes('/')
      ? 'a relative path is taken from the working directory: send the program with the input, or name an absolute path'
      : `install it on this machine, or set PATH for the task (it is ${path})`,
    meta: { command: word },
  })
}

/** Where a program of this system is, or undefined. */
export function findProgram(word: string): string | undefined {
  return DEFAULT_PATH.split(':')
    .map((folder) => join(folder, word))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isFile()) return false
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
