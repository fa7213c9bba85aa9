import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import type { Operated } from '../../../src/model/operation.ts'
import { fromFrame, type Sealer } from '../../../src/node/messages.ts'
import { RemoteOperations } from '../../../src/node/remote-operations.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { createSigner } from '../../../src/wire/envelope.ts'

const NOW = 1_700_000_000_000
const NOTHING = { refusals: [], tasks: [], leftOut: 0 }
const ATTIC = '12D3KooWattic'

/** One that asks, and what it sends. `fails`: no frame leaves. */
function asker({ fails, waitMs }: { fails?: Error; waitMs?: number } = {}) {
  const sent: (ControlMessage & { t: 'operate' })[] = []
  const sealer: Sealer = { signer: createSigner(new Uint8Array(32).fill(7)), clock: manualClock(NOW), epoch: 1, seq: 0 }
  const peer = {
    send: async (_to: string, frame: Uint8Array) => {
      if (fails) throw fails
      sent.push(fromFrame(frame, 'x', NOW).message as ControlMessage & { t: 'operate' })
    },
  }
  const operations = new RemoteOperations({ peer: () => peer, sealer, ...(waitMs !== undefined && { waitMs }) })
  const answer = (from: string, more: Partial<Operated> = {}) =>
    operations.take(from, { nonce: sent.at(-1)!.body.nonce, ...NOTHING, ...more })
  const ask = () => operations.ask(ATTIC, 'attic', { name: 'cordon' }, false)
  return { operations, sent, answer, ask }
}

describe('node/remote-operations', () => {
  it('gives the answer of the one that was asked to whoever asked', async () => {
    const { ask, sent, answer } = asker()
    const asked = ask()
    assert.deepEqual(sent[0]!.body.operation, { name: 'cordon' })
    // Of somebody else it is none.
    answer('12D3KooWeve', { leftOut: 9 })
    answer(ATTIC, { leftOut: 3 })
    assert.equal((await asked).leftOut, 3)
    answer(ATTIC)
  })

  it('throws what refuses, rule and values, with what helps', async () => {
    const { ask, answer } = asker()
    const asked = ask()
    answer(ATTIC, { refusals: [{ wanted: 'rule only-ann of node policy house', saw: 'operator.owner = "oli"' }] })
    await assert.rejects(asked, {
      code: 'not-allowed',
      message: 'attic refuses cordon: rule only-ann of node policy house (operator.owner = "oli")',
    })
  })

  it('says why nobody could be asked', async () => {
    await assert.rejects(asker({ fails: new Error('no address answers') }).ask(), {
      code: 'conflict',
      message: 'attic cannot be asked: no address answers',
    })
  })

  it('waits for an answer no longer than it says', async () => {
    const { ask } = asker({ waitMs: 10 })
    await assert.rejects(ask(), { code: 'conflict', message: 'attic did not answer within 0.01 s' })
  })

  it('asks so many at once and no more', async () => {
    const { ask, sent, operations } = asker()
    const all = Array.from({ length: 64 }, ask)
    await assert.rejects(ask(), { code: 'busy' })
    for (const { body } of sent) operations.take(ATTIC, { nonce: body.nonce, ...NOTHING })
    await Promise.all(all)
    void ask()
    assert.equal(sent.length, 65)
    operations.take(ATTIC, { nonce: sent.at(-1)!.body.nonce, ...NOTHING })
  })
})
