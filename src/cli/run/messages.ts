/**
 * What `run` says about itself, on stderr. A task's own stderr goes there as well, byte for byte, so
 * when stderr is no terminal only what somebody must know is said: that the task still waits, and why
 * it failed.
 */
import { printable } from '../terminal.ts'

export interface Messages {
  /** Good to know: who got the task, how it goes. */
  progress(text: string): void
  /** Shown in place, over the one before; only on a terminal. */
  status(text: string): void
  /** Takes away what `status` shows, before somebody else writes to the terminal. */
  clear(): void
  /** Must be known, unless the user wants no words at all. */
  notice(text: string): void
}

/** @param chatty say everything even where stderr is no terminal */
export function createMessages(quiet: boolean, chatty: boolean): Messages {
  const { stderr } = process
  let statusShown = false
  const say = (text: string): void => {
    // Clears the status line: CSI 2 K, ECMA-48.
    stderr.write(`${statusShown ? '\r\u001b[2K' : ''}althing: ${printable(text)}\n`)
    statusShown = false
  }
  return {
    progress: (text) => {
      if (!quiet && (chatty || stderr.isTTY)) say(text)
    },
    status(text) {
      if (quiet || !stderr.isTTY) return
      stderr.write(`\r\u001b[2Kalthing: ${printable(text)}`)
      statusShown = true
    },
    clear() {
      if (statusShown) stderr.write('\r\u001b[2K')
      statusShown = false
    },
    notice: (text) => {
      if (!quiet) say(text)
    },
  }
}
