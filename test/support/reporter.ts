/**
 * Mocha's spec reporter, which closes with what was skipped and why and one plain line of counts,
 * so that a run on a bare machine says what it has not shown.
 */
import { writeFileSync } from 'node:fs'
import Mocha from 'mocha'
import { describeSkips, skipReason, type Skip } from './skips.ts'

class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    const skips: Skip[] = []
    runner.on('pending', (test) =>
      skips.push({ reason: skipReason(test) ?? 'no reason given', title: test.fullTitle() }),
    )
    runner.once('end', () => {
      const { passes, failures } = this.stats
      // Who runs several at once lists the skips of all of them, at the very end.
      const file = process.env['ALTHING_SKIPS_FILE']
      if (file !== undefined) writeFileSync(file, JSON.stringify(skips))
      else for (const line of describeSkips(skips)) console.log(line)
      console.log(`${passes} passed, ${failures} failed, ${skips.length} skipped`)
    })
  }
}

// Mocha loads a reporter by `require`; this name is what that returns.
export { Reporter as 'module.exports' }
