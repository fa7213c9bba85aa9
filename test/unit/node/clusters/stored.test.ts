import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMember, reservedIn } from '../../../../src/node/clusters/stored.ts'
import { openStore } from '../../../../src/store/sqlite.ts'
import { SILENT } from '../../../../src/util/logger.ts'

describe('node/clusters: what a store says while nothing of it runs', () => {
  let dir: string
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'althing-stored-'))))
  afterEach(() => rmSync(dir, { recursive: true }))

  it('is what its tasks have of this machine, those that ended aside; and whether it is a member still', () => {
    assert.deepEqual([isMember(dir, SILENT), reservedIn(dir, SILENT)], [false, { cpuMilli: 0, memoryBytes: 0 }])
    const store = openStore(join(dir, 'althing.db'), SILENT)
    const contract = (phase: string) => ({ phase, spec: { resources: { cpuMilli: 300, memoryBytes: 7 } } })
    for (const phase of ['accepted', 'running', 'ended'])
      store.write([{ collection: 'contract', key: phase, doc: contract(phase) }])
    store.close()
    assert.deepEqual([isMember(dir, SILENT), reservedIn(dir, SILENT)], [false, { cpuMilli: 600, memoryBytes: 14 }])
    const again = openStore(join(dir, 'althing.db'), SILENT)
    again.write([{ collection: 'cluster', key: 'genesis', doc: {} }])
    again.close()
    assert.equal(isMember(dir, SILENT), true)
  })

  it('is nothing where it cannot be read', () => {
    writeFileSync(join(dir, 'althing.db'), 'no database')
    assert.deepEqual(reservedIn(dir, SILENT), { cpuMilli: 0, memoryBytes: 0 })
    assert.throws(() => isMember(dir, SILENT))
  })
})
