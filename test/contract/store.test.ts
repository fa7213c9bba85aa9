import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/sqlite.ts'
import { SILENT } from '../../src/util/logger.ts'
import { storeContract } from './store.ts'

storeContract('SQLite', () => {
  const directory = mkdtempSync(join(tmpdir(), 'althing-store-'))
  return {
    open: () => openStore(join(directory, 'store.db'), SILENT),
    dispose: () => rmSync(directory, { recursive: true }),
  }
})

storeContract('memory', () => {
  const store = createMemoryStore()
  return { open: () => store, dispose: () => {} }
})
