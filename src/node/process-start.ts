/**
 * When a process was started, as an opaque text: with the pid it names one process for good, where
 * the pid alone may have been given to another.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Field 22 of /proc/PID/stat, counted after the command, which is field 2 and may hold spaces; proc(5). */
const START_TIME_AFTER_COMMAND = 22 - 3

/** The start of a running process, or undefined when there is none with this pid. A zombie has ended. */
export function processStartOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined
  return process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid)
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    // Ticks since boot start again with the next boot, hence the boot's own id.
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${bootId}/${fields[START_TIME_AFTER_COMMAND]}`
  } catch {
    return undefined
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
    return String(started).trim() || undefined
  } catch {
    return undefined
  }
}
