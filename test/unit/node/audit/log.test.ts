/** The audit log on a real file: what is written stays as it is, whatever happens, and proves what it should. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { decodeEvent } from '../../../../src/wire/audit-event.ts'
import { hashLeaf } from '../../../../src/audit/hashing.ts'
import { consistencyProof, inclusionProof } from '../../../../src/audit/proofs.ts'
import { verifyConsistency, verifyInclusion, type TreeHead } from '../../../../src/audit/verify.ts'
import { AuditLog } from '../../../../src/node/audit/log.ts'
import { problemsOf } from '../../../../src/node/audit/verification.ts'
import { createAuditTable, type AuditTable } from '../../../../src/store/audit-table.ts'
import { openStore, type SqliteStore } from '../../../../src/store/sqlite.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { SILENT } from '../../../../src/util/logger.ts'
import { eventually } from '../../../support/daemon.ts'

const PEER = '12D3KooWAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'

describe('the audit log on disk', () => {
  let directory: string
  let store: SqliteStore
  let table: AuditTable
  let log: AuditLog
  const path = (): string => join(directory, 'store.db')

  function openLog(keep = 10_000): void {
    store = openStore(path(), SILENT)
    table = createAuditTable(store.database)
    log = new AuditLog({ store, table, walPath: `${path()}-wal`, clock: manualClock(5_000), log: SILENT, keep })
  }
  function reopen(keep?: number): void {
    log.close()
    store.close()
    openLog(keep)
  }
  function writeMany(count: number): void {
    for (let n = 0; n < count; n++) log.note({ type: 'member.joined', peer: `${PEER}${log.head().size + n}` })
    log.write([])
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'althing-audit-'))
    openLog()
  })
  afterEach(() => {
    log.close()
    store.close()
    rmSync(directory, { recursive: true })
  })

  it('writes events with the documents they tell of, or neither', () => {
    const doc = { addedAtMs: 1 }
    log.write([{ collection: 'trust', key: PEER, doc }], [{ type: 'trust.added', peer: PEER }])
    assert.equal(log.head().size, 1)
    const before = log.head()
    log.note({ type: 'brake.on' })
    const bad = [{ collection: 'trust', key: 'x', doc: { no: undefined } }] as const
    assert.throws(() => log.write(bad, [{ type: 'trust.added', peer: 'x' }]))
    assert.deepEqual(log.head(), before)
    assert.equal(log.waiting, 1, 'what was noted before waits')
    log.write([])
    reopen()
    assert.deepEqual(
      table.range(0, 9).map(({ body }) => decodeEvent(body)),
      [
        { type: 'trust.added', atMs: 5_000, peer: PEER },
        { type: 'brake.on', atMs: 5_000 },
      ],
    )
  })

  it('goes on after a restart as if there had been none', () => {
    const heads: TreeHead[] = []
    for (const count of [1, 2, 250, 7, 300, 1]) {
      writeMany(count)
      heads.push(log.head())
      reopen()
      assert.deepEqual(log.head(), heads.at(-1))
    }
    const now = log.head()
    for (const head of heads)
      assert.ok(verifyConsistency(head, now, consistencyProof(head.size, now.size, log.subtree)), `from ${head.size}`)
  })

  it('proves events and its own growth across stored nodes', () => {
    writeMany(256 * 5 + 77)
    const head = log.head()
    for (const at of [0, 255, 256, 700, 1_279, 1_280, head.size - 1]) {
      const leaf = hashLeaf(table.row(at)!.body)
      assert.ok(verifyInclusion(leaf, at, head, inclusionProof(at, head.size, log.subtree)), `event ${at}`)
    }
  })

  it('drops the oldest beyond its cap, and still proves what it kept', function () {
    this.timeout(20_000)
    writeMany(9_000)
    const early = log.head()
    writeMany(3_000)
    const kept = log.head()
    writeMany(4_000)
    assert.equal(log.oldest % 256, 0)
    assert.ok(log.oldest > early.size - 9_000 && log.head().size - log.oldest >= 10_000, `oldest ${log.oldest}`)
    assert.equal(table.oldest(), log.oldest)
    reopen()
    const now = log.head()
    assert.equal(now.size, 16_000)
    assert.ok(verifyConsistency(kept, now, consistencyProof(kept.size, now.size, log.subtree)))
    const at = log.oldest
    assert.ok(verifyInclusion(hashLeaf(table.row(at)!.body), at, now, inclusionProof(at, now.size, log.subtree)))
    assert.throws(() => consistencyProof(1_000, now.size, log.subtree), { code: 'pruned' })
  })

  it('signs nothing that a loss of power could take back', async () => {
    writeMany(3)
    assert.equal(log.safeHead().size, 0, 'written, but perhaps not on the disk')
    await eventually('the flush of the disk', () => log.safeHead().size === 3)
    assert.deepEqual(log.safeHead(), log.head())
  })

  it('refuses to start where the next event would have no place', () => {
    writeMany(5)
    log.close()
    store.close()
    const raw = new DatabaseSync(path())
    raw.exec(`DELETE FROM document WHERE collection = 'audit'`)
    raw.close()
    assert.throws(() => openLog(), { code: 'damaged-audit-log' })
    store.close()
    for (const end of ['', '-wal', '-shm']) rmSync(path() + end, { force: true })
    openLog()
  })

  it('no longer proves what was changed behind its back', () => {
    writeMany(40)
    const [old, at] = [log.head(), 11]
    writeMany(30)
    const raw = new DatabaseSync(path())
    raw
      .prepare('UPDATE audit_event SET body = (SELECT body FROM audit_event WHERE position = 12) WHERE position = ?')
      .run(at)
    raw.close()
    const now = log.head()
    assert.ok(!verifyConsistency(old, now, consistencyProof(old.size, now.size, log.subtree)))
    const leaf = hashLeaf(table.row(at)!.body)
    assert.ok(!verifyInclusion(leaf, at, now, inclusionProof(at, now.size, log.subtree)))
  })

  it('finds what was taken out of its middle or off its end, names it, and proves nothing by it', async () => {
    writeMany(700)
    const head = log.head()
    const problems = () => problemsOf({ log, table }, head, new AbortController().signal)
    const remove = (where: string) => {
      const raw = new DatabaseSync(path())
      raw.exec(`DELETE FROM audit_event WHERE ${where}`)
      raw.close()
    }
    assert.deepEqual(await problems(), [])
    remove('position >= 699')
    assert.deepEqual(await problems(), ['event 699 is missing'])
    assert.throws(() => consistencyProof(697, head.size, log.subtree), { code: 'damaged' })
    remove('position = 311')
    assert.deepEqual(await problems(), ['event 311 is missing'], 'the first')
    assert.throws(() => inclusionProof(300, head.size, log.subtree), { code: 'damaged' })
  })

  it('after kill -9 has every head it told, and no hole', async function () {
    this.timeout(60_000)
    log.close()
    store.close()
    for (const writes of [3, 150]) {
      const told = await writeAndKill(path(), writes)
      openLog()
      const now = log.head()
      assert.deepEqual(await problemsOf({ log, table }, now, new AbortController().signal), [])
      for (const head of told.filter((_, at) => at % 20 === 0 || at === told.length - 1)) {
        assert.ok(head.size <= now.size)
        assert.ok(verifyConsistency(head, now, consistencyProof(head.size, now.size, log.subtree)), `${head.size}`)
      }
      const { n } = store.load('task').get('last') as { n: number }
      assert.ok(n >= writes, 'documents and events of one write are there together')
      log.close()
      store.close()
    }
    openLog()
  })
})

/** Heads that the writer told before it was killed. */
async function writeAndKill(path: string, writes: number): Promise<TreeHead[]> {
  const child = fileURLToPath(new URL('children/writer.ts', import.meta.url))
  const writer = spawn(process.execPath, [child, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(writer, 'exit')
  const heads: TreeHead[] = []
  for await (const line of createInterface({ input: writer.stdout })) {
    const [n, size, root] = line.split(' ')
    // The last line may have been cut off by the kill.
    if (root?.length === 64) heads.push({ size: Number(size), root: new Uint8Array(Buffer.from(root, 'hex')) })
    if (Number(n) === writes) writer.kill('SIGKILL')
  }
  await exited
  return heads
}
