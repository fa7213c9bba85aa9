/**
 * Mocha's spec reporter, which closes with what was skipped and why and one plain line of counts,
 * so that a run on a bare machine says what it has not shown.
 */
import Mocha from 'mocha'
import { skipReason } from './skips.ts'

/** One line for each reason, with the tests it cost. */
function describeSkips(skipped: readonly Mocha.Test[]): string[] {
  const byReason = new Map<string, string[]>()
  for (const test of skipped) {
    const reason = skipReason(test) ?? 'no reason given'
    const titles = byReason.get(reason) ?? []
    titles.push(test.fullTitle())
    byReason.set(reason, titles)
  }
  return [...byReason].flatMap(([reason, titles]) => [
    `  ${reason}: ${titles.length} skipped`,
    ...titles.map((title) => `    - ${title}`),
  ])
}

class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    const skipped: Mocha.Test[] = []
    runner.on('pending', (test) => skipped.push(test))
    runner.once('end', () => {
      const { passes, failures } = this.stats
      if (skipped.length > 0) console.log(['Skipped on this machine:', ...describeSkips(skipped), ''].join('\n'))
      console.log(`${passes} passed, ${failures} failed, ${skipped.length} skipped`)
    })
  }
}

// Mocha loads a reporter by `require`; this name is what that returns.
export { Reporter as 'module.exports' }
