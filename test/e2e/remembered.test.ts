/** A daemon that has been in a mesh finds it again after a restart: without --join, without mDNS. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { StatusView } from '../../src/model/api.ts'
import { openStore } from '../../src/store/sqlite.ts'
import { SILENT } from '../../src/util/logger.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const untilLinked = (daemon: TestDaemon, other: TestDaemon) =>
  eventually(`${daemon.name} to be linked with ${other.name}`, async () => {
    const { peers } = await daemon.get<StatusView>('/v1/status')
    return peers.includes(other.status.peerId)
  })

/** As after hours away: the records of the mesh have lapsed, and what they said of addresses with them. */
function forgetRecords(dataDir: string): void {
  const store = openStore(join(dataDir, 'althing.db'), SILENT)
  const keys = [...store.load('record').keys()]
  assert.ok(keys.length > 0)
  store.write(keys.map((key) => ({ collection: 'record', key, doc: null })))
  store.close()
}

describe('a restarted daemon', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('comes back into its mesh by the addresses that worked before', async () => {
    const first = await startDaemon({ name: 'first' })
    const dataDir = freshDataDir()
    const second = await startDaemon({ name: 'second', join: [first.address], dataDir })
    await untilLinked(second, first)
    await second.stop()
    forgetRecords(dataDir)
    // Another port than before: the first cannot be the one who finds it.
    const again = await startDaemon({ name: 'second', dataDir })
    await untilLinked(again, first)
  })

  it('does not look for the mesh of another cluster it was in', async () => {
    const first = await startDaemon({ name: 'first' })
    const dataDir = freshDataDir()
    const second = await startDaemon({ name: 'second', join: [first.address], dataDir })
    await untilLinked(second, first)
    await second.stop()
    forgetRecords(dataDir)
    const elsewhere = await startDaemon({ name: 'second', dataDir, cluster: 'elsewhere' })
    await elsewhere.stop()
    const store = openStore(join(dataDir, 'althing.db'), SILENT)
    assert.equal(store.load('peer').size, 0)
    store.close()
  })
})
