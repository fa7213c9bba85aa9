import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AuditDraft } from '../../../../src/model/audit.ts'
import type { DaemonParts } from '../../../../src/node/daemon-state.ts'
import { found, leave } from '../../../../src/node/governance/moving.ts'
import { loadSeed } from '../../../../src/node/identity.ts'
import { createMemoryStore } from '../../../../src/store/memory.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import type { Logger } from '../../../../src/util/logger.ts'
import { fillable, idleLoop } from '../../../support/journal.ts'
import { eventually } from '../../../support/daemon.ts'
import { HOME, keyOf, MIA, NED, NOW_MS, stateOf } from '../../governance/fixtures.ts'

const REQUEST = {
  ...{ name: 'home', admins: [MIA.id], threshold: 1, recovery: [NED.id], recoveryThreshold: 1 },
  ...{ owner: 'ann', open: false },
}

describe('where a daemon belongs', () => {
  let dataDir: string
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'althing-moving-'))))
  afterEach(() => rmSync(dataDir, { recursive: true }))

  /** A daemon, as far as moving goes. */
  function daemon(isMember: boolean) {
    const store = fillable(createMemoryStore())
    const events: AuditDraft[] = []
    const errors: string[] = []
    const told = { restarts: 0 }
    const signer = keyOf('self')
    const log = { error: (_fields: unknown, text: string) => void errors.push(text) } as Logger
    const parts = {
      ...{ store, signer, log, clock: manualClock(NOW_MS) },
      loop: idleLoop(store, events),
      governor: { state: isMember ? stateOf(HOME, signer.id) : undefined, take: () => ['taken'] },
      mesh: { self: signer.id, negotiation: { contracts: new Map(), tasks: new Map() } },
      options: { paths: { dataDir } },
      clusters: { refuseName: () => {} },
      soon: (ms: number, act: () => void) => void setTimeout(act, ms),
      restart: () => void told.restarts++,
    } as unknown as DaemonParts
    return { parts, store, events, errors, told }
  }

  it('is stored together with the event that tells of it, or not at all', () => {
    const { parts, store, events, told } = daemon(false)
    store.isFull = true
    assert.throws(() => found(parts, REQUEST), /no space/)
    assert.deepEqual([store.load('cluster').size, events, told.restarts], [0, [], 0])
    store.isFull = false
    const { id } = found(parts, REQUEST)
    assert.deepEqual([store.load('cluster').size, store.load('statement').size, told.restarts], [1, 1, 1])
    assert.deepEqual(events, [{ type: 'cluster.founded', cluster: id }])
  })

  it('is forgotten together with the event, and the key with it', async () => {
    const { parts, store, events, told } = daemon(true)
    loadSeed(dataDir)
    store.write([{ collection: 'cluster', key: 'genesis', doc: {} }])
    leave(parts)
    await eventually('the end', () => told.restarts === 1)
    assert.deepEqual([store.load('cluster').size, events], [0, [{ type: 'cluster.left', cluster: HOME.id }]])
    assert.equal(existsSync(join(dataDir, 'identity.key')), false)
  })

  it('is not forgotten while the disk takes nothing, and the daemon goes on', async () => {
    const { parts, store, events, errors, told } = daemon(true)
    const seed = loadSeed(dataDir)
    store.write([{ collection: 'cluster', key: 'genesis', doc: {} }])
    store.isFull = true
    leave(parts)
    await eventually('the error', () => errors.length === 1)
    assert.match(errors[0]!, /leave it again/)
    assert.deepEqual([store.load('cluster').size, events, told.restarts], [1, [], 0])
    assert.deepEqual(loadSeed(dataDir), seed)
  })
})
