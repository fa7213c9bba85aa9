/** Start-up: what the store holds becomes the mesh's state again, and the driver's runs are adopted. */
import type { TaskDriver } from '../drivers/driver.ts'
import type { MeshState } from '../mesh/types.ts'
import { StoredRecord } from '../registry/registry.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { messageOf } from '../util/errors.ts'
import { openRecord, type VerifiedRecord } from '../wire/envelope.ts'
import { GOSSIP_KINDS, RECORD_MAX_BYTES } from '../wire/limits.ts'
import type { MeshLoop } from './loop.ts'
import type { Runner } from './runner.ts'

/** Feeds the stored state into a fresh mesh: of the records, those whose authors may publish. */
export function restoreMesh(
  loop: MeshLoop,
  store: Store,
  mayPublish: (author: string) => boolean,
  clock: Clock,
  log: Logger,
): void {
  const records: { record: VerifiedRecord; bornMs: number }[] = []
  for (const doc of store.load('record').values()) {
    const stored = StoredRecord.safeParse(doc)
    if (!stored.success) continue
    try {
      const expect = { kinds: GOSSIP_KINDS, maxBytes: RECORD_MAX_BYTES.passport, wallNowMs: clock.wallMs() }
      const record = openRecord(stored.data.bytes, expect)
      // Of another cluster, in which this daemon was before, or of one that was expelled.
      if (mayPublish(record.author)) records.push({ record, bornMs: stored.data.bornMs })
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'a stored record does not verify and is dropped')
    }
  }
  loop.input({
    type: 'restore-registry',
    persisted: { records, marks: store.load('mark'), proofs: store.load('proof') },
  })
  loop.input({ type: 'restore-audit', heads: store.load('audit-head'), alarms: store.load('audit-alarm') })
  const stored = {
    jobs: store.load('job').values(),
    tasks: store.load('task').values(),
    contracts: store.load('contract').values(),
    offers: store.load('offer'),
    usage: store.load('usage'),
    cordon: store.load('cordon').get('self'),
  }
  loop.input({ type: 'restore', stored })
}

/** Takes up the runs an earlier daemon left, and settles what vanished. */
export async function adoptRuns(
  loop: MeshLoop,
  driver: TaskDriver,
  runner: Runner,
  mesh: MeshState,
  log: Logger,
): Promise<void> {
  const found = await driver.adopt()
  const known = new Set<string>()
  for (const run of found) {
    const contract = mesh.negotiation.contracts.get(run.runId)
    if (!contract) continue
    known.add(run.runId)
    log.info({ runId: run.runId, ended: run.exit !== undefined }, 'adopted a run')
    runner.adopt(run, contract)
  }
  loop.input({ type: 'adopted', runIds: known })
}
