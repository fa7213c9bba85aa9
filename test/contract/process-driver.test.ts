import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import type { ProcessDriverOptions } from '../../src/drivers/process/process-driver.ts'
import { SILENT } from '../../src/util/logger.ts'
import { driverContract } from './driver.ts'
import type { DriverHarness } from './driver.ts'
import { killAllBelow } from './fixtures/kill-all.ts'

async function makeHarness(options: Partial<ProcessDriverOptions>): Promise<DriverHarness> {
  const dir = await mkdtemp(join(tmpdir(), 'althing-driver-'))
  return {
    open: async () => createProcessDriver({ dir, log: SILENT, watchIntervalMs: 200, watchdogIntervalS: 1, ...options }),
    runsOnDisk: async () => (await readdir(dir)).filter((name) => !name.startsWith('.')),
    dispose: async () => {
      await killAllBelow(dir)
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

driverContract('process', () => makeHarness({}))
driverContract('process, without cgroups', () => makeHarness({ useCgroups: false }))
