/** What the exit codes of tasks and of their shims mean. */
import { constants } from 'node:os'

/** The shim could not write its own file: see `SHIM`. */
const SHIM_CLAIM_FAILED = 121
/** What `exitCode` says of a run that never started, as `docker run` and `timeout` do. */
export const NOT_STARTED = 125

/** The signal that an exit code above 128 stands for; a command may also choose such a code itself. */
export function signalOf(code: number): string | undefined {
  if (code <= 128) return undefined
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0]
}

/** Why a shim that ended by itself, with this code, has never begun. `root`: the run's folder. */
export function whyItNeverRan(shimCode: number | null, root: string): string {
  return shimCode === SHIM_CLAIM_FAILED
    ? `the run's folder ${root} could not be written: is the disk full?`
    : `its shim ended with code ${shimCode} before it had begun`
}
