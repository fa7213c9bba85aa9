/** Waits for something that has no event of its own. */
import { setTimeout as delay } from 'node:timers/promises'

/** Resolves once `condition` holds. @throws naming `what`, when it does not within `deadlineMs` */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 5_000,
): Promise<void> {
  const endsAt = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`)
    await delay(5)
  }
}
