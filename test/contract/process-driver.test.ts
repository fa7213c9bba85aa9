import { readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { hostPath, INSIDE } from '../../src/drivers/process/isolation/sandbox.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import type { ProcessDriverOptions } from '../../src/drivers/process/process-driver.ts'
import { runPaths } from '../../src/drivers/process/run-folder.ts'
import { SILENT } from '../../src/util/logger.ts'
import { requireIsolation } from '../support/isolation.ts'
import { until } from '../support/until.ts'
import { driverContract, orderOf } from './driver.ts'
import type { DriverHarness } from './driver.ts'
import { killAllBelow } from './fixtures/kill-all.ts'

async function makeHarness(options: Partial<ProcessDriverOptions>): Promise<DriverHarness> {
  const dir = await mkdtemp(join(tmpdir(), 'althing-driver-'))
  return {
    open: async () => createProcessDriver({ dir, log: SILENT, watchIntervalMs: 200, watchdogIntervalS: 1, ...options }),
    workOf: ({ runId }) => join(dir, runId, 'work'),
    runsOnDisk: async () => (await readdir(dir)).filter((name) => !name.startsWith('.')),
    dispose: async () => {
      await killAllBelow(dir)
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** The same, once a run has ended and the next shim waits for its order. */
async function makeWarmHarness(): Promise<DriverHarness> {
  const harness = await makeHarness({})
  const open = async () => {
    const driver = await harness.open()
    const order = orderOf(['true'])
    await driver.start(order)
    await driver.wait(order.runId)
    await driver.remove(order.runId)
    await until('a shim waits', () => waitingShims().length === 1)
    return driver
  }
  return { ...harness, open }
}

/** This process's shims that have no order yet, and so no run's folder to be in. */
function waitingShims(): number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean)
  return children.map(Number).filter((pid) => {
    try {
      const isShim = /\/shim-[0-9a-f]+\.sh\0$/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))
      return isShim && readlinkSync(`/proc/${pid}/cwd`) === '/'
    } catch {
      // It has ended meanwhile.
      return false
    }
  })
}

/** The same contract for what runs in a sandbox. */
async function makeIsolatedHarness(options: Partial<ProcessDriverOptions>): Promise<DriverHarness> {
  const harness = await makeHarness(options)
  const open = async () => {
    const driver = await harness.open()
    await driver.examineIsolation()
    const start = driver.start.bind(driver)
    driver.start = (order) => start({ ...order, isolation: { network: false } })
    return driver
  }
  return {
    ...harness,
    open,
    workOf: () => INSIDE.work,
    hostPath: (order, path) => hostPath(path, runPaths(dirname(dirname(harness.workOf(order))), order.runId))!,
  }
}

driverContract('process', () => makeHarness({}))
driverContract('process, with a shim that waits', makeWarmHarness)
driverContract('process, without cgroups', () => makeHarness({ useCgroups: false }))
driverContract('process, isolated', () => makeIsolatedHarness({}), requireIsolation)
driverContract('process, isolated, without cgroups', () => makeIsolatedHarness({ useCgroups: false }), requireIsolation)
