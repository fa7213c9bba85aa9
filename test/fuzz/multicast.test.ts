/** Anybody on the network can send to the group that mDNS uses: what comes there is searched, never decoded. */
import assert from 'node:assert/strict'
import { isPeerId } from '../../src/model/peer-id.ts'
import { encodeQuestion, isAnswerFor, peersIn } from '../../src/reach/multicast.ts'
import { AlthingError } from '../../src/util/errors.ts'
import { fuzz, SEED } from './fuzz.ts'
import { AUTHOR } from './inputs.ts'
import { mutate } from './mutate.ts'

const SERVICE = '_althing-0a1b2c3d._udp.local'

function answer(): Buffer {
  const head = encodeQuestion([SERVICE])
  head[2] = 0x84
  return Buffer.concat([head, Buffer.from(`dnsaddr=/ip4/10.0.0.5/tcp/4100/p2p/${AUTHOR}`)])
}

describe('fuzz/multicast', function () {
  // Some seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('answers: few peers, and each looks like one', async () => {
    const many = Buffer.concat(Array.from({ length: 40 }, answer))
    const { accepted } = await fuzz({
      name: 'multicast',
      next: (rng) => Buffer.from(mutate([answer(), many], rng)),
      decode: (bytes) => {
        if (!isAnswerFor(SERVICE, bytes)) throw new AlthingError('no-answer', 'no answer')
        return peersIn(bytes)
      },
      accepted: (peers) => {
        assert.ok(peers.length <= 16)
        for (const peer of peers) assert.ok(isPeerId(peer), peer)
      },
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })
})
