import assert from 'node:assert/strict'
import type { AuditDraft } from '../../../src/model/audit.ts'
import { WriteBehind } from '../../../src/node/write-behind.ts'
import type { Write } from '../../../src/store/store.ts'
import { SILENT } from '../../../src/util/logger.ts'

const EVENT: AuditDraft = { type: 'brake.on' }
const MARK: Write = { collection: 'mark', key: 'm', doc: { seq: 1 } }

/** What is written behind, and what came of it. */
function setUp() {
  const state = { isFull: false, isBlocked: false, waiting: 0, writes: 0 }
  const journal = {
    get waiting() {
      return state.waiting
    },
    note: () => void state.waiting++,
    write: () => {
      state.writes++
      if (state.isFull) throw new Error('no space left on device')
      state.waiting = 0
    },
  }
  return { state, later: new WriteBehind({ journal, log: SILENT, isBlocked: () => state.isBlocked }) }
}

/** Timers of this process. Those of the test runner stay as they are within one turn. */
const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length

describe('what is written behind', () => {
  it('is written at the end, and nothing after it', () => {
    const before = timers()
    const { state, later } = setUp()
    later.put(MARK)
    later.note(EVENT)
    assert.deepEqual([timers(), state.writes], [before + 1, 0])
    later.close()
    assert.deepEqual([timers(), state.writes, state.waiting], [before, 1, 0])
    later.put(MARK)
    later.note(EVENT)
    later.close()
    assert.deepEqual([timers(), state.writes, state.waiting], [before, 1, 0])
  })

  it('is given up when the disk takes nothing at the end', () => {
    const before = timers()
    const { state, later } = setUp()
    state.isFull = true
    later.note(EVENT)
    later.close()
    assert.deepEqual([timers(), state.writes], [before, 1])
  })

  it('is not written before documents that wait', () => {
    const { state, later } = setUp()
    state.isBlocked = true
    later.note(EVENT)
    later.close()
    assert.equal(state.writes, 0)
  })
})
