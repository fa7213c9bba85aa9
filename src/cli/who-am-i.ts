/** Who runs a command. */
import { userInfo } from 'node:os'

/** Told to the daemon, for people; whoever may reach its socket is its owner anyway. */
export function whoAmI(): string {
  try {
    return userInfo().username
  } catch {
    // A user id without a name.
    return String(process.getuid?.() ?? '')
  }
}
