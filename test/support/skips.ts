/**
 * Why a test was skipped, kept beside the test so that the reporter can list it at the end.
 */

/** The reason is kept on the test, or on the suite when a hook skipped all of it. */
const reasons = new WeakMap<object, string>()

/** Remembers why the running test, or the suite of the running hook, is about to be skipped. */
export function noteSkip(context: Mocha.Context, reason: string): void {
  const runnable = context.runnable() as Mocha.Test | Mocha.Hook
  const about = runnable.type === 'hook' ? runnable.parent : runnable
  if (about !== undefined) reasons.set(about, reason)
}

/** The noted reason of a skipped test, looked for on the test and then on the suites around it. */
export function skipReason(test: Mocha.Test): string | undefined {
  for (let at: Mocha.Test | Mocha.Suite | undefined = test; at !== undefined; at = at.parent) {
    const reason = reasons.get(at)
    if (reason !== undefined) return reason
  }
  return undefined
}
