/** What a driver throws on purpose. Whichever code, nothing was started and nothing was left behind. */
import { AlthingError, messageOf } from '../util/errors.ts'

/** What can go wrong with a run, told apart by what somebody has to do about it. */
export type DriverErrorCode =
  /** The process could not be made: too many processes, arguments too long, no shell… */
  | 'spawn'
  /** The input bundle is not a tar, is damaged, or reaches outside the working directory. */
  | 'unpack'
  /** No room for the run's directory or its input. */
  | 'disk-full'
  /** The command's first word names nothing that can be executed. */
  | 'no-command'
  /** The command's first word names something that is there and cannot be executed. */
  | 'not-executable'
  /** It was to be isolated, and cannot be here. */
  | 'no-isolation'
  /** This driver has never heard of the run, or it was removed. */
  | 'unknown-run'
  /** Asked to remove a run that goes on. */
  | 'still-running'
  /** The driver was closed while somebody waited on it. */
  | 'closed'

/** A run that could not be started, read or removed. */
export class DriverError extends AlthingError<DriverErrorCode> {}

/** Names what the operating system said: a full disk is its own code, everything else is `otherwise`. */
export function driverErrorFrom(thrown: unknown, otherwise: DriverErrorCode, doing: string): DriverError {
  if (thrown instanceof DriverError) return thrown
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new DriverError('disk-full', `no space left on the device while ${doing}`, {
      fix: 'free some space, or put the data directory on a larger disk',
      cause: thrown,
    })
  }
  return new DriverError(otherwise, `${messageOf(thrown)}, while ${doing}`, { cause: thrown })
}
