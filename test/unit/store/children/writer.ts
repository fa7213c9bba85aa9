/**
 * Writes to the store at argv[2] for ever, three documents a time, and says each number once it has
 * been written. The test kills it.
 */
import { writeSync } from 'node:fs'
import { openStore } from '../../../../src/store/sqlite.ts'
import { SILENT } from '../../../../src/util/logger.ts'

const store = openStore(String(process.argv[2]), SILENT)
const epoch = store.nextEpoch(0, 0)
const padding = 'x'.repeat(2_000)
writeSync(1, `epoch ${epoch}\n`)
for (let n = 1; ; n++) {
  store.write(['a', 'b', 'c'].map((key) => ({ collection: 'task', key, doc: { n, padding } })))
  store.write([{ collection: 'mark', key: String(n).padStart(8, '0'), doc: n }])
  writeSync(1, `${n}\n`)
}
