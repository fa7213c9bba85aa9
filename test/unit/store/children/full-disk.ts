/**
 * Runs on a file system of 1 MiB at argv[2], fills it, and prints as JSON what the store did. The
 * parent asserts.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../../../../src/store/errors.ts'
import { openStore } from '../../../../src/store/sqlite.ts'
import { SILENT } from '../../../../src/util/logger.ts'

const directory = String(process.argv[2])
const path = join(directory, 'store.db')
const ballast = join(directory, 'ballast')
const thrownBy = (work: () => void): { code: string; message: string; fix: string | undefined } | null => {
  try {
    work()
    return null
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return { code: error.code, message: error.message, fix: error.fix }
  }
}

writeFileSync(ballast, Buffer.alloc(300_000))
const store = openStore(path, SILENT)
let acknowledged = 0
const fill = thrownBy(() => {
  for (;;) {
    store.write([{ collection: 'task', key: String(acknowledged), doc: 'x'.repeat(5_000) }])
    acknowledged++
  }
})
const again = thrownBy(() => {
  for (;;) store.nextEpoch(0, 1)
})
const keptWhileFull = store.load('task').size

rmSync(ballast)
store.write([{ collection: 'task', key: 'after', doc: 1 }])
store.close()
const reopened = openStore(path, SILENT)
const keptAfter = reopened.load('task').size
reopened.close()

// A disk so full that not even an empty store fits.
writeFileSync(ballast, '')
const fillUp = (): void => {
  try {
    for (;;) writeFileSync(ballast, Buffer.alloc(4_096), { flag: 'a' })
  } catch {
    // Full, as intended.
  }
}
fillUp()
const opening = thrownBy(() => openStore(join(directory, 'second.db'), SILENT).close())
console.log(JSON.stringify({ acknowledged, fill, again, keptWhileFull, keptAfter, opening }))
