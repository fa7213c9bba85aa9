/**
 * What an isolated task sees: the arguments for bubblewrap (bwrap(1)), which makes a root of its own out of parts of
 * the host's. Everything is named that is there; what is not named, the homes, `/etc` but for a few files, `/run` with
 * its sockets and the daemon's data, is not there at all.
 */
import { readlinkSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { etcArgs, INSIDE_USER } from './etc.ts'
import type { RunPaths } from '../run-folder.ts'

/** Where a task finds its own folders; the same on all machines, so that no path tells of the host. */
export const INSIDE = { work: INSIDE_USER.home, tmp: '/tmp', out: '/output' } as const

/**
 * Processes and threads of one task, as podman bounds a container. The kernel counts them apart for each user
 * namespace since Linux 5.14; before that with all others of the daemon's user, and never for root.
 */
export const MAX_PROCESSES = 2048

/** Programs and libraries. A link to below `/usr`, as on merged systems, stays one. */
const PROGRAM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/lib32', '/libx32', '/nix/store', '/gnu/store']

/** What the daemon's user could read of itself there: the descriptions of its keys. */
const PROC_NEVER = ['keys', 'key-users']
/** What is below `/proc` for root alone: where the daemon is root, it is hidden or read-only, as Docker has it. */
const PROC_HIDDEN = ['kcore', 'latency_stats', 'timer_list', 'sched_debug']
/** Beside those that bwrap sees to itself. */
const PROC_READ_ONLY = ['acpi', 'fs', 'scsi']

/** What is the same for all tasks of this machine. */
export interface SandboxOptions {
  /** Folder that becomes `/etc`, see `makeEtc`. */
  readonly etc: string
  /** Absolute paths that must not be seen, should they lie below `/usr` or links lead there. */
  readonly hidden: readonly string[]
  /** The network of the host instead of none. */
  readonly network: boolean
}

/** Arguments of `bwrap` up to what belongs to one run. */
export function sandboxArgs({ etc, hidden, network }: SandboxOptions): string[] {
  const words = ['--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try']
  if (!network) words.push('--unshare-net')
  words.push('--uid', INSIDE_USER.id, '--gid', INSIDE_USER.id, '--cap-drop', 'ALL')
  // Its own session: a signal to its process group must not reach what holds it. It dies with that.
  words.push('--new-session', '--die-with-parent', '--clearenv')
  for (const folder of PROGRAM_FOLDERS) words.push(...programFolder(folder))
  const real = hidden.map(realPath).filter((path) => path !== undefined)
  for (const path of outermost(real.filter(isVisible))) words.push('--tmpfs', path, '--remount-ro', path)
  words.push(...etcArgs(etc, network))
  words.push('--proc', '/proc', '--dev', '/dev')
  const isRoot = process.getuid?.() === 0
  for (const name of [...PROC_NEVER, ...(isRoot ? PROC_HIDDEN : [])]) {
    if (exists(`/proc/${name}`)) words.push('--ro-bind', '/dev/null', `/proc/${name}`)
  }
  for (const name of isRoot ? PROC_READ_ONLY : []) {
    if (exists(`/proc/${name}`)) words.push('--ro-bind', `/proc/${name}`, `/proc/${name}`)
  }
  return words
}

/** Where a run's temporary files and shared memory lie: on disk, where they go with the run and take no memory. */
export function scratchOf({ tmp }: Pick<RunPaths, 'tmp'>): { readonly tmp: string; readonly shm: string } {
  return { tmp: join(tmp, 'tmp'), shm: join(tmp, 'shm') }
}

/** The rest of the arguments: what one run may write to, and what its environment is. */
export function runArgs(paths: RunPaths, keepOutput: boolean, env: Readonly<Record<string, string>>): string[] {
  const scratch = scratchOf(paths)
  const words = ['--bind', paths.work, INSIDE.work]
  words.push('--bind', scratch.tmp, INSIDE.tmp, '--bind', scratch.shm, '/dev/shm')
  if (keepOutput) words.push('--bind', paths.out, INSIDE.out)
  // Last, since what lies in it is mounted on folders that are made in it.
  words.push('--remount-ro', '/dev', '--remount-ro', '/', '--chdir', INSIDE.work)
  for (const [name, value] of Object.entries(env)) words.push('--setenv', name, value)
  return words
}

/**
 * Where on the host a path of the inside lies; undefined: nowhere. By links of the task's own it may lie elsewhere on
 * the host than inside: what leads out of its folders is nothing here, so that it cannot ask what the host has.
 */
export function hostPath(path: string, { work, tmp, out }: RunPaths): string | undefined {
  const own = { [INSIDE.work]: work, [INSIDE.tmp]: scratchOf({ tmp }).tmp, [INSIDE.out]: out }
  for (const [inside, outside] of Object.entries(own))
    if (isBelow(path, inside)) return within(outside + path.slice(inside.length), outside)
  return isVisible(path) ? path : undefined
}

function within(path: string, folder: string): string | undefined {
  const [real, realFolder] = [realPath(path), realPath(folder)]
  return real !== undefined && realFolder !== undefined && isBelow(real, realFolder) ? path : undefined
}

/** By what name a path lies in the file system, all links followed; undefined: it is not there. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** What is hidden is empty and read-only: nothing can be hidden within it once more. */
function outermost(paths: readonly string[]): string[] {
  return [...new Set(paths)].filter((path) => !paths.some((other) => other !== path && isBelow(path, other)))
}

function isVisible(path: string): boolean {
  return PROGRAM_FOLDERS.some((folder) => isBelow(path, folder))
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function programFolder(path: string): string[] {
  if (!exists(path)) return []
  try {
    return ['--symlink', readlinkSync(path), path]
  } catch {
    return ['--ro-bind', path, path]
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
