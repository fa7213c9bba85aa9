import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh } from '../../../../src/mesh/step.ts'
import type { ControlMessage } from '../../../../src/model/control.ts'
import { Examiner } from '../../../../src/node/doctor/examiner.ts'
import type { ExamineMessage } from '../../../../src/node/inbound.ts'
import { fromFrame, type Sealer } from '../../../../src/node/messages.ts'
import type { Probes } from '../../../../src/node/probes.ts'
import type { Peer } from '../../../../src/peer/peer.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { createSigner } from '../../../../src/wire/envelope.ts'

const NOW = 1_700_000_000_000
const never = new AbortController().signal

/** One end, whose frames the test carries to the other. */
class End {
  readonly clock = manualClock(NOW)
  readonly sent: ExamineMessage[] = []
  isLinked = true
  readonly examiner: Examiner

  constructor() {
    const signer = createSigner(new Uint8Array(32).fill(7))
    const sealer: Sealer = { signer, clock: this.clock, epoch: 1, seq: 0 }
    const peer = {
      link: () =>
        this.isLinked ? { address: '/ip4/10.0.0.2/tcp/1', direction: 'inbound', relay: undefined } : undefined,
      send: async (_to: string, frame: Uint8Array) => {
        const { message } = fromFrame(frame, 'x', NOW) as { message: ControlMessage }
        this.sent.push(message as ExamineMessage)
      },
    } as unknown as Peer
    this.examiner = new Examiner({
      peer: () => peer,
      mesh: createMesh(
        signer.id,
        { ...DEFAULT_MESH, cluster: 'c' },
        {
          labels: {},
          capacity: { cpuMilli: 0, memoryBytes: 0 },
          drivers: [],
          trusted: new Set(),
          open: false,
          holdsCpuLimit: true,
          holdsMemoryLimit: true,
        },
      ),
      clock: this.clock,
      sealer,
      probes: () => ({ datagramAgeMs: () => 12 }) as unknown as Probes,
      mdns: true,
    })
  }
}

describe('node: examinations of a link', () => {
  let a: End
  let b: End
  beforeEach(() => {
    a = new End()
    b = new End()
  })

  it('a question, its answer, and the four times', async () => {
    b.clock.setWall(NOW + 90_000)
    const asked = a.examiner.ask('b', true, never)
    b.examiner.take('a', a.sent[0]!)
    a.clock.setWall(NOW + 8)
    a.examiner.take('b', b.sent[0]!)
    const { exchange, answer } = (await asked)!
    assert.deepEqual(exchange, { askedMs: NOW, receivedMs: NOW + 90_000, answeredMs: NOW + 90_000, heardMs: NOW + 8 })
    assert.deepEqual([answer.mdns, answer.datagramAgeMs, answer.links], [true, 12, []])
  })

  it('an answer counts only from whom was asked', async () => {
    const asked = a.examiner.ask('b', false, never)
    b.examiner.take('a', a.sent[0]!)
    a.examiner.take('somebody else', b.sent[0]!)
    a.examiner.take('b', { t: 'examined', body: { ...(b.sent[0]!.body as never as object), nonce: 1 } as never })
    // An answer that was taken would have come through by the next turn.
    await new Promise((turn) => setImmediate(turn))
    assert.equal(await Promise.race([asked, Promise.resolve('still waiting')]), 'still waiting')
    a.examiner.take('b', b.sent[0]!)
    assert.ok(await asked)
  })

  it('asks nobody without a link, and gives up when called off', async () => {
    a.isLinked = false
    assert.equal(await a.examiner.ask('b', false, never), undefined)
    assert.equal(a.sent.length, 0)
    a.isLinked = true
    const controller = new AbortController()
    const asked = a.examiner.ask('b', false, controller.signal)
    controller.abort()
    assert.equal(await asked, undefined)
  })

  it('answers one that floods it a few times a second, and others all the same', () => {
    for (let nonce = 0; nonce < 1_000; nonce++) b.examiner.take('flood', { t: 'examine', body: { nonce, links: true } })
    assert.equal(b.sent.length, 40)
    b.examiner.take('a', { t: 'examine', body: { nonce: 1, links: true } })
    assert.equal(b.sent.length, 41)
    b.clock.advance(1_000)
    for (let nonce = 0; nonce < 100; nonce++) b.examiner.take('flood', { t: 'examine', body: { nonce, links: true } })
    assert.equal(b.sent.length, 51)
  })
})
