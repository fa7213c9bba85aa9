import assert from 'node:assert/strict'
import type { ControlMessage } from '../../../src/model/control.ts'
import { createEffects, type EffectOptions } from '../../../src/node/effects.ts'
import { Table, spec } from '../../support/negotiation-table.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { createSigner } from '../../../src/wire/envelope.ts'

/** What is sent, and how often something was signed for it. */
function sender() {
  const signer = createSigner(new Uint8Array(32).fill(1))
  let sealed = 0
  const counting: typeof signer = { ...signer, seal: (draft) => (sealed++, signer.seal(draft)) }
  const frames: { to: string; frame: Uint8Array }[] = []
  const clock = manualClock(1_700_000_000_000)
  const carry = createEffects({
    mesh: { self: 'me' },
    peer: { send: (to: string, frame: Uint8Array) => (frames.push({ to, frame }), Promise.resolve()) },
    sealer: { signer: counting, clock, epoch: 1, seq: 0 },
    clock,
    log: SILENT,
    post: () => {},
  } as unknown as EffectOptions)
  return { carry, frames, sealedCount: () => sealed }
}

describe('effects', () => {
  it('an offer to several candidates is signed and encoded once', () => {
    const table = new Table(['a', 'b', 'c', 'd'])
    table.seat('a').local = { ...table.seat('a').local, drivers: [] }
    table.input('a', { type: 'submit', jobId: 'job', spec: spec(), count: 1, placeTimeoutMs: 1_000 })
    const { carry, frames, sealedCount } = sender()
    for (const effect of table.seat('a').effects)
      if (effect.type === 'send' && effect.message.t === 'offer') carry(effect)
    assert.deepEqual(frames.map(({ to }) => to).toSorted(), ['b', 'c', 'd'])
    assert.equal(sealedCount(), 1)
    assert.equal(new Set(frames.map(({ frame }) => frame)).size, 1)
  })

  it('two messages that say the same are two', () => {
    const { carry, sealedCount } = sender()
    const award = (): ControlMessage => ({ t: 'award', body: { offerId: 'o', bidId: 'b', grants: [], leaseMs: 1 } })
    for (let n = 0; n < 2; n++) carry({ type: 'send', to: 'b', message: award() })
    assert.equal(sealedCount(), 2)
  })
})
