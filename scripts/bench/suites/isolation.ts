/**
 * What a sandbox costs: a task that does nothing, from the order to its end, as a plain process and isolated, in turns
 * by the driver alone, so that whatever else the machine does falls on both alike.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TaskDriver } from '../../../src/drivers/driver.ts'
import { createProcessDriver } from '../../../src/drivers/process/process-driver.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { median, rounded, spread } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

const ROUNDS = 100
const QUICK_ROUNDS = 20

async function run({ quick, say }: Bench): Promise<Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), 'althing-bench-'))
  const driver = createProcessDriver({ dir, log: SILENT })
  try {
    return await measure(driver, quick ? QUICK_ROUNDS : ROUNDS, say)
  } finally {
    await driver.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function measure(driver: TaskDriver, rounds: number, say: Bench['say']): Promise<Figure[]> {
  const fromMs = performance.now()
  const state = await driver.examineIsolation()
  const examinedMs = performance.now() - fromMs
  if (!state.works) {
    say(`tasks cannot be isolated here: ${state.why} (${state.fix})`)
    return []
  }
  const plain: number[] = []
  const isolated: number[] = []
  // The first of each has the files to read from the disk.
  for (let round = -1; round < rounds; round++) {
    const took = [await once(driver, `p${round}`, false), await once(driver, `i${round}`, true)] as const
    if (round < 0) continue
    plain.push(took[0])
    isolated.push(took[1])
  }
  const how = `\`true\` by the driver, median of ${rounds}, in turns`
  const difference = isolated.map((ms, index) => ms - plain[index]!)
  return [
    { name: 'isolation: a plain process', unit: 'ms', measured: median(plain), how, detail: spread(plain) },
    { name: 'isolation: isolated', unit: 'ms', measured: median(isolated), how, detail: spread(isolated) },
    {
      name: 'isolation: what it costs',
      unit: 'ms',
      measured: rounded(median(difference)),
      how: 'median of the differences',
      detail: spread(difference),
    },
    {
      name: 'isolation: finding out whether it works',
      unit: 'ms',
      measured: examinedMs,
      how: `once, as a daemon does after its start (bwrap ${state.version})`,
    },
  ]
}

/** @returns milliseconds from the order to the end */
async function once(driver: TaskDriver, name: string, isolated: boolean): Promise<number> {
  const runId = `${name.replace('-', 'x')}.1`
  const fromMs = performance.now()
  await driver.start({
    ...{ runId, taskId: name, attempt: 1, command: ['true'], env: {}, limits: {} },
    ...{ timeoutMs: 60_000, graceMs: 1_000, logCapBytes: 1_048_576, keepOutput: false },
    ...(isolated && { isolation: { network: false } }),
  })
  const { exitCode } = await driver.wait(runId)
  const tookMs = performance.now() - fromMs
  if (exitCode !== 0) throw new Error(`${name} ended with ${exitCode}`)
  await driver.remove(runId)
  return tookMs
}

export const isolation: Suite = { name: 'isolation', what: 'what a sandbox costs a task that does nothing', run }
