/** Whether this machine can isolate tasks, for tests that need it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import type { IsolationState } from '../../src/model/isolation.ts'
import { SILENT } from '../../src/util/logger.ts'
import { requireOrSkip } from './require.ts'

let known: Promise<IsolationState> | undefined

async function examine(): Promise<IsolationState> {
  const dir = await mkdtemp(join(tmpdir(), 'althing-isolation-'))
  const driver = createProcessDriver({ dir, log: SILENT, useCgroups: false })
  try {
    return await driver.examineIsolation()
  } finally {
    await driver.close()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Skips what runs, unless tasks can be isolated here. */
export async function requireIsolation(context: Mocha.Context): Promise<void> {
  const state = await (known ??= examine())
  requireOrSkip(context, state.works, state.works ? '' : `tasks cannot be isolated here: ${state.why} (${state.fix})`)
}
