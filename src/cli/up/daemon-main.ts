/** The daemon's own program: what `althing up` becomes, see `become.ts`. */
import { describeStatus, pageLink } from '../describe-status.ts'
import { report, reportAsJson } from '../report.ts'
import { runDaemon } from '../run-daemon.ts'
import { painter } from '../terminal.ts'
import { HANDED, type Handed } from './become.ts'

async function main(): Promise<void> {
  const text = process.env[HANDED]
  // Tasks and their helpers must not inherit it.
  delete process.env[HANDED]
  if (text === undefined) {
    process.stderr.write('althing: this is the daemon of `althing up`, which starts it\n')
    process.exitCode = 2
    return
  }
  const { options, json } = JSON.parse(text) as Handed
  reportAsJson(json)
  try {
    const status = await runDaemon(options)
    if (!json)
      process.stderr.write(
        `${describeStatus(status, painter(process.stderr, true), pageLink(status, status.dataDir))}\n`,
      )
  } catch (error) {
    process.exitCode = report(error)
  }
}

void main()
