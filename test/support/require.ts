/**
 * Tests that need something a machine may lack: a Chromium, user namespaces, a Docker engine. Without it they
 * skip and say why, and the reporter lists the reasons at the end; with ALTHING_CI_STRICT=1, which the CI sets
 * after installing everything, a skip is a failure.
 */
import { noteSkip } from './skips.ts'

/**
 * Skips the running test, or everything under the running hook's suite, unless `condition` holds. Call it first
 * thing, with mocha's `this`: `requireOrSkip(this, found !== undefined, 'no Chromium found')`.
 *
 * @throws Error when the condition fails and ALTHING_CI_STRICT is set
 */
export function requireOrSkip(context: Mocha.Context, condition: boolean, reason: string): void {
  if (condition) return
  if (process.env['ALTHING_CI_STRICT'] === '1') throw new Error(`may not be skipped here: ${reason}`)
  noteSkip(context, reason)
  context.skip()
}
