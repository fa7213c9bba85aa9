/** The daemon's own program: what `althing up` becomes, see `become.ts`. */
import { describeStatus } from '../describe-status.ts'
import { describeError } from '../errors.ts'
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
  const { options, quiet } = JSON.parse(text) as Handed
  try {
    const status = await runDaemon(options)
    if (!quiet) process.stderr.write(`${describeStatus(status, painter(process.stderr, true))}\n`)
  } catch (error) {
    const { text: problem, exitCode } = describeError(error)
    process.stderr.write(`${problem}\n`)
    process.exitCode = exitCode
  }
}

void main()
