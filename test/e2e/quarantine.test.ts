/**
 * A member whose key is in two hands: two records under one number, shown by a libp2p peer with the key of a real
 * member. All cut it off, by the proof alone, and go on doing so; the machine comes back with a new key.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import type { StatusView } from '../../src/model/api.ts'
import type { MemberView } from '../../src/model/cluster.ts'
import type { QuarantineProofView } from '../../src/model/quarantine-view.ts'
import { openRecord } from '../../src/wire/envelope.ts'
import { CONTROL_PROTOCOL } from '../../src/wire/protocols.ts'
import { done, found, idOf, invite, linksOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { hostilePeer, stopHostilePeers } from '../support/hostile-peer.ts'
import { passportOf } from '../support/hostile-words.ts'
import { seedFor } from '../support/peers.ts'

const quarantinedAt = async (daemon: TestDaemon) => (await daemon.get<StatusView>('/v1/status')).quarantined

describe('a member that signs two records under one number', function () {
  this.timeout(90_000)
  afterEach(async () => {
    await stopHostilePeers()
    await stopAll()
  })

  it('is cut off by all that hear of it, stays so over restarts, and comes back with another key', async () => {
    const [founder, second] = (await Promise.all(['founder', 'second'].map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
    ]
    // Of the two that link the one with the smaller id opens the control stream.
    const seed = seedFor('below', founder.status.peerId)
    const dataDir = freshDataDir()
    writeFileSync(join(dataDir, 'identity.key'), `${Buffer.from(seed).toString('hex')}\n`, { mode: 0o600 })
    const third = await startClosed('third', { dataDir })
    await found([founder, second, third])
    const key = await idOf(third)
    await sees(second, key)
    await third.kill()
    await eventually('it to be missed', async () => !(await linksOf(founder)).includes(key))

    // Where it has listened since it started anew in its cluster.
    const status = await founder.get<StatusView>('/v1/status')
    const address = status.addresses[0]!
    const copy = await hostilePeer({ address, status }, { seed, cluster: status.cluster })
    const two = ['flatter', 'betray'].map((name) =>
      copy.seal({
        ...{ kind: 'passport', name: 'default/two', epoch: Math.floor(Date.now() / 1000) + 10, seq: 1 },
        body: { ...passportOf('two'), spec: { type: 'agent', version: '1', capabilities: [{ name }] } },
      }),
    )
    for (const bytes of two) await copy.publish('records', bytes)
    for (const daemon of [founder, second]) {
      const [shown] = await eventually(`${daemon.name} to find it out`, async () => {
        const all = await quarantinedAt(daemon)
        return all.length > 0 && all
      })
      assert.deepEqual([shown?.peer, shown?.kind, shown?.seq], [key, 'passport', 1])
      // The proof needs no word of whoever shows it.
      const [proof] = await daemon.get<QuarantineProofView[]>('/v1/quarantined')
      const opened = [proof!.first, proof!.second].map((one) =>
        openRecord(Buffer.from(one, 'base64'), { kinds: 'passport', maxBytes: 8192, wallNowMs: Date.now() }),
      )
      assert.deepEqual(
        opened.map(({ author, epoch, seq }) => [author, epoch, seq]),
        [1, 2].map(() => [key, opened[0]!.epoch, 1]),
      )
      assert.notEqual(opened[0]!.hash, opened[1]!.hash)
      assert.match(await done(daemon.cli('status')), new RegExp(`QUARANTINED.*${key}.*signed two records`))
      assert.match((await daemon.cli('nodes')).stderr, /is quarantined: it signed two records/)
      const members = await daemon.get<MemberView[]>('/v1/members')
      assert.equal(members.find(({ peerId }) => peerId === key)?.state, 'quarantined')
    }
    await eventually('its link to be cut', () => copy.connection.status !== 'open')
    const speak = async (to: string) =>
      (await copy.node.dial(multiaddr(to))).newStream([CONTROL_PROTOCOL], { signal: AbortSignal.timeout(3_000) })
    await assert.rejects(speak(address))

    // Neither a restart nor another neighbour lets it in again; the rest of the mesh goes on.
    await second.kill()
    const again = await startDaemon({
      ...{ name: 'second', dataDir: second.dataDir, open: false, args: ['--label', 'seat=second'] },
      join: [address],
    })
    assert.equal((await quarantinedAt(again))[0]?.peer, key)
    await assert.rejects(speak((await again.get<StatusView>('/v1/status')).addresses[0]!))
    await sees(founder, await idOf(again))
    assert.equal(await done(founder.cli('run', '-l', 'seat=second', '--', 'echo', 'on')), 'on\n')

    // The way out: a new key, by a new ticket.
    const back = await startDaemon({ name: 'third', dataDir, open: false })
    await done(back.cli('leave'))
    await done(founder.cli('member', 'revoke', key, '--reason', 'its key was copied'))
    await done(back.cli('join', (await invite(founder)).ticket))
    const fresh = await idOf(back)
    assert.notEqual(fresh, key)
    await sees(founder, fresh)
    const members = await founder.get<MemberView[]>('/v1/members')
    assert.deepEqual(
      [key, fresh].map((peer) => members.find(({ peerId }) => peerId === peer)?.state),
      ['gone', 'member'],
    )
  })
})
