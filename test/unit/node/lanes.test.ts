import assert from 'node:assert/strict'
import { Lanes, LanesFullError } from '../../../src/node/lanes.ts'

const NEVER = new AbortController().signal

/** Lets everything that can go on do so. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('lanes', () => {
  /** Asks for a turn under a name; `begun` lists who got one, in order. */
  function asker(lanes: Lanes) {
    const begun: string[] = []
    const leave = new Map<string, () => void>()
    const ask = (name: string, peer: string, sha256?: string, signal: AbortSignal = NEVER) =>
      lanes.enter(peer, sha256, signal).then((end) => {
        begun.push(name)
        leave.set(name, end)
      })
    const end = async (name: string) => {
      leave.get(name)!()
      await turn()
    }
    return { begun, ask, end }
  }

  it('lets so many through at once, and the others in the order they came', async () => {
    const { begun, ask, end } = asker(new Lanes({ total: 2, perPeer: 2 }))
    for (const name of ['a', 'b', 'c', 'd']) void ask(name, name)
    await turn()
    assert.deepEqual(begun, ['a', 'b'])
    await end('b')
    assert.deepEqual(begun, ['a', 'b', 'c'])
    await end('a')
    assert.deepEqual(begun, ['a', 'b', 'c', 'd'])
  })

  it('a peer that is at its bound holds up itself alone', async () => {
    const { begun, ask, end } = asker(new Lanes({ total: 3, perPeer: 1 }))
    for (const name of ['slow-1', 'slow-2', 'slow-3']) void ask(name, 'slow')
    void ask('quick-1', 'quick')
    await turn()
    assert.deepEqual(begun, ['slow-1', 'quick-1'])
    await end('slow-1')
    assert.deepEqual(begun, ['slow-1', 'quick-1', 'slow-2'])
    void ask('third-1', 'third')
    void ask('fourth-1', 'fourth')
    await turn()
    await end('quick-1')
    assert.deepEqual(begun.slice(3), ['third-1', 'fourth-1'], 'past the one that still waits for its own peer')
  })

  it('one transfer of a bundle at a time', async () => {
    const { begun, ask, end } = asker(new Lanes({ total: 3, perPeer: 3 }))
    void ask('first', 'p', 'x')
    void ask('again', 'q', 'x')
    void ask('other', 'p', 'y')
    await turn()
    assert.deepEqual(begun, ['first', 'other'])
    await end('first')
    assert.deepEqual(begun, ['first', 'other', 'again'])
  })

  it('whoever gives up waiting leaves no gap, and a turn ends but once', async () => {
    const { begun, ask, end } = asker(new Lanes({ total: 1, perPeer: 1 }))
    void ask('a', 'a')
    const gone = new AbortController()
    const waits = ask('b', 'b', undefined, gone.signal)
    void ask('c', 'c')
    void ask('d', 'd')
    gone.abort(new Error('enough'))
    await assert.rejects(waits, /enough/)
    await end('a')
    await end('a')
    assert.deepEqual(begun, ['a', 'c'])
    await assert.rejects(ask('e', 'e', undefined, gone.signal), /enough/)
  })

  it('turns away more than may wait', async () => {
    const { begun, ask } = asker(new Lanes({ total: 1, perPeer: 1, waiting: 1 }))
    void ask('a', 'a')
    void ask('b', 'b')
    await assert.rejects(ask('c', 'c'), LanesFullError)
    assert.deepEqual(begun, ['a'])
  })
})
