/** The shipped daemon with a table of its cluster's own: only when it is asked for. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { kadProtocol } from '../../src/wire/protocols.ts'
import { startDaemon, stopAll } from '../support/daemon.ts'
import { hostilePeer, stopHostilePeers } from '../support/hostile-peer.ts'

describe('a daemon started with --dht', function () {
  this.timeout(60_000)
  afterEach(async () => {
    await stopHostilePeers()
    await stopAll()
  })

  it('speaks the protocol of its cluster, and junk on it costs nobody else', async () => {
    const daemon = await startDaemon({ name: 'table', args: ['--dht'] })
    const peer = await hostilePeer(daemon)
    assert.ok((await peer.protocols()).includes(kadProtocol('test')))
    for (const junk of [randomBytes(4_096), Buffer.alloc(4_096), Buffer.alloc(4_096, 0xff)]) {
      const stream = await peer.open(kadProtocol('test'))
      stream.send(junk)
      await stream.close().catch(() => {})
    }
    const { code, stdout } = await daemon.cli('run', '--', 'echo', 'well')
    assert.deepEqual([code, stdout], [0, 'well\n'])
    assert.doesNotMatch(daemon.output(), /unhandled rejection/)
  })

  it('and not without', async () => {
    const daemon = await startDaemon({ name: 'plain' })
    const protocols = await (await hostilePeer(daemon)).protocols()
    assert.ok(!protocols.some((protocol) => protocol.includes('kad')), protocols.join(' '))
  })
})
