/** Writes events to the audit log in the store at argv[2] for ever, and says each head once it has been written. */
import { writeSync } from 'node:fs'
import { AuditLog } from '../../../../../src/node/audit/log.ts'
import { createAuditTable } from '../../../../../src/store/audit-table.ts'
import { openStore } from '../../../../../src/store/sqlite.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import { SILENT } from '../../../../../src/util/logger.ts'

const path = String(process.argv[2])
const store = openStore(path, SILENT)
const table = createAuditTable(store.database)
const log = new AuditLog({ store, table, walPath: `${path}-wal`, clock: systemClock(), log: SILENT, keep: 10_000 })
for (let n = 1; ; n++) {
  for (let each = 0; each <= n % 5; each++) log.note({ type: 'member.joined', peer: `p${log.head().size + each}` })
  log.write([{ collection: 'task', key: 'last', doc: { n } }])
  const { size, root } = log.head()
  writeSync(1, `${n} ${size} ${Buffer.from(root).toString('hex')}\n`)
}
