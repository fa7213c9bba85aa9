import assert from 'node:assert/strict'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import type { ControlMessage } from '../../../src/model/control.ts'
import type { Sealer } from '../../../src/node/messages.ts'
import { takeOwnMessages } from '../../../src/node/own-messages.ts'

const SELF = 'self'
// Nothing here is signed: only bids and declines are, and those alone ask for a sealer.
const NO_SEALER = {} as Sealer
const send = (to: string, t: ControlMessage['t']): MeshEffect => ({
  type: 'send',
  to,
  message: { t, body: { to } } as unknown as ControlMessage,
})
const NEWS: MeshEffect = { type: 'node-event', peer: 'p', what: 'ready' }

/** What remains, and what was taken; `answers`: what a step makes of a message by its kind. */
function taken(effects: MeshEffect[], answers: Record<string, MeshEffect[]> = {}) {
  const inputs: MeshInput[] = []
  const rest = takeOwnMessages(effects, SELF, NO_SEALER, (input) => {
    inputs.push(input)
    return (input.type === 'message' && answers[input.message.t]) || []
  })
  return { rest, kinds: inputs.map((input) => input.type === 'message' && input.message.t) }
}

describe('what a node says to itself', () => {
  it('is taken at once, and so is what follows from it', () => {
    const { rest, kinds } = taken([send(SELF, 'award'), NEWS], {
      award: [send(SELF, 'contract'), send('b', 'release')],
    })
    assert.deepEqual(kinds, ['award', 'contract'])
    assert.deepEqual(rest, [NEWS, send('b', 'release')])
  })

  it('comes after what others wait for', () => {
    const effects = [send(SELF, 'award'), send('b', 'award')]
    assert.deepEqual(taken(effects), { rest: effects, kinds: [] })
  })

  it('does not wait for what nobody waits for', () => {
    const { rest, kinds } = taken([send('b', 'release'), send(SELF, 'award'), send('b', 'settle')])
    assert.deepEqual(kinds, ['award'])
    assert.deepEqual(rest, [send('b', 'release'), send('b', 'settle')])
  })

  it('is a copy, as if it had travelled', () => {
    const said = send(SELF, 'award') as MeshEffect & { type: 'send' }
    takeOwnMessages([said], SELF, NO_SEALER, (input) => {
      assert.ok(input.type === 'message' && input.from === SELF)
      assert.deepEqual(input.message, said.message)
      assert.notEqual(input.message.body, said.message.body)
      return []
    })
  })

  it('remains when it breaks a limit: whoever carries it out says so', () => {
    const broken = send(SELF, 'bid')
    assert.deepEqual(taken([broken, NEWS]), { rest: [broken, NEWS], kinds: [] })
  })
})
