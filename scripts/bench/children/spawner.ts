/**
 * What bargaining is compared with: one Node process that merely runs commands through the shim, as
 * many at a time as goes fastest. Reads how many from its arguments, prints a rate a round.
 *
 * Arguments: a directory, how many tasks. Each line of its input is a round at that concurrency; a line
 * of output answers with the rate, tasks a second.
 */
import { createInterface } from 'node:readline'
import { createProcessDriver } from '../../../src/drivers/process/process-driver.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { DEFAULT_TASK } from '../../../src/model/task.ts'

const [dir, countText] = process.argv.slice(2)
const count = Number(countText)
const driver = createProcessDriver({ dir: dir!, log: SILENT })
let runs = 0

async function runOne(): Promise<void> {
  const runId = `base-${++runs}.1`
  await driver.start({
    runId,
    taskId: `base-${runs}`,
    attempt: 1,
    command: ['sh', '-c', 'true'],
    env: {},
    limits: {},
    timeoutMs: DEFAULT_TASK.timeoutMs,
    graceMs: DEFAULT_TASK.graceMs,
    logCapBytes: DEFAULT_TASK.logCapBytes,
    keepOutput: false,
  })
  const { exitCode } = await driver.wait(runId)
  if (exitCode !== 0) throw new Error(`the command ended with code ${exitCode}`)
}

async function round(concurrency: number): Promise<number> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await runOne()
  }
  const fromMs = performance.now()
  await Promise.all(Array.from({ length: concurrency }, worker))
  return (count * 1000) / (performance.now() - fromMs)
}

for await (const line of createInterface({ input: process.stdin })) console.log(await round(Number(line)))
await driver.close()
