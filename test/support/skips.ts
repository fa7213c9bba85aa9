/**
 * Why a test was skipped, kept beside the test so that the reporter can list it at the end.
 */

/** A test that was skipped. */
export interface Skip {
  readonly reason: string
  /** With the titles of all around it. */
  readonly title: string
}

/** A list to close with, one line for each reason with the tests it cost; nothing when nothing was skipped. */
export function describeSkips(skips: readonly Skip[]): string[] {
  if (skips.length === 0) return []
  const byReason = Map.groupBy(skips, ({ reason }) => reason)
  const lines = [...byReason].flatMap(([reason, skipped]) => [
    `  ${reason}: ${skipped.length} skipped`,
    ...skipped.map(({ title }) => `    - ${title}`),
  ])
  return ['Skipped on this machine:', ...lines, '']
}

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
