/**
 * Who belongs, by real daemons: founded, joined by ticket, refused without one, expelled. What a stranger gets on the
 * socket is in `strangers.test.ts`.
 */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import type { MemberView } from '../../src/model/cluster.ts'
import { clusterOf, done, found, idOf, invite, linksOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { readMetrics } from '../support/metrics.ts'

/** A cluster of as many daemons, the first of which founded it. */
async function founded(names: readonly string[]): Promise<TestDaemon[]> {
  const daemons = await Promise.all(names.map((name) => startClosed(name)))
  await found(daemons)
  return daemons
}

describe('a cluster with a genesis', function () {
  this.timeout(90_000)
  afterEach(() => stopAll())

  it("two join by ticket and run each other's tasks; nobody is trusted by hand", async () => {
    const [founder, second, third] = (await founded(['founder', 'second', 'third'])) as [
      TestDaemon,
      TestDaemon,
      TestDaemon,
    ]
    await sees(second, await idOf(third))
    assert.equal(await done(third.cli('run', '-l', 'seat=second', '--', 'echo', 'hello')), 'hello\n')
    const members = JSON.parse(await done(founder.cli('member', 'list', '--json'))) as MemberView[]
    assert.equal(members.filter(({ state }) => state === 'member').length, 3)
    assert.equal((await clusterOf(third)).id, (await clusterOf(founder)).id)
    await eventually('the word of two others', async () => (await clusterOf(third)).witnesses >= 2)
  })

  it('a member that is revoked is cut off, keeps trying, and gets nowhere', async () => {
    const [founder, second, third] = (await founded(['founder', 'second', 'third'])) as [
      TestDaemon,
      TestDaemon,
      TestDaemon,
    ]
    const revoked = await idOf(third)
    await eventually('all links', async () => (await linksOf(second)).length === 2)
    assert.match(await done(founder.cli('member', 'list')), new RegExp(`^third +${revoked} `, 'm'))
    assert.match((await founder.cli('member', 'revoke', 'fourth')).stderr, /no node fourth is known/)
    assert.match((await founder.cli('member', 'revoke', 'thir')).stderr, /no node is called thir; third begins so/)
    const gone = await founder.cli('member', 'revoke', 'third', '--reason', 'stolen')
    assert.match(gone.stderr, new RegExp(`expelled ${revoked}`))
    for (const daemon of [founder, second]) {
      const isCut = async () => !(await linksOf(daemon)).includes(revoked)
      await eventually(`${daemon.name} to cut it off`, isCut)
    }
    // It goes on dialling; both turn it away, and neither lists it.
    await eventually(
      'a dial of it that was refused',
      async () => {
        const status = await founder.get<{ peers: string[] }>('/v1/status')
        assert.ok(!status.peers.includes(revoked))
        return (await readMetrics(founder))('peer_gater_denied_peer_total') > 0
      },
      30_000,
    )
    for (const daemon of [founder, second]) {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes?all=true')
      assert.ok(!nodes.some(({ peerId, state }) => peerId === revoked && state !== 'offline'))
    }
    const again = await third.cli('join', (await invite(founder)).ticket)
    assert.notEqual(again.code, 0)
  })

  it('a ticket lets one node in: used, expired, altered, for another: each is refused with its reason', async () => {
    const [founder] = (await founded(['founder'])) as [TestDaemon]
    const [one, two] = [await startClosed('one'), await startClosed('two')]
    const used = (await invite(founder)).ticket
    await done(one.cli('join', used))
    const refused = async (ticket: string, why: RegExp) => {
      const { code, stderr } = await two.cli('join', ticket)
      assert.notEqual(code, 0)
      assert.match(stderr, why)
      assert.doesNotMatch(stderr, /\n\s+at /)
    }
    await refused(used, /another node has joined by it/)
    await refused((await invite(founder, '--for', await idOf(one))).ticket, /for another node/)
    const good = (await invite(founder)).ticket
    await refused(`${good.slice(0, 60)}${good[60] === 'A' ? 'B' : 'A'}${good.slice(61)}`, /altered or is not whole/)
    await refused(good.slice(0, 100), /altered or is not whole/)
    const short = await invite(founder, '--ttl', '1s')
    await eventually('it to expire', () => Date.now() > short.expiresAtMs)
    await refused(short.ticket, /expired/)
    await done(two.cli('join', good))
  })

  it('what was decided and who belongs survives restarts of all', async () => {
    const daemons = (await founded(['founder', 'second'])) as [TestDaemon, TestDaemon]
    const { id } = await clusterOf(daemons[0])
    const [founder, second] = daemons
    const peerId = await idOf(second)
    await second.kill()
    await eventually('it to be missed', async () => !(await linksOf(founder)).includes(peerId))
    const again = await startDaemon({ name: 'second', dataDir: second.dataDir, open: false })
    assert.equal((await clusterOf(again)).id, id)
    await sees(founder, peerId)
    const port = /\/tcp\/(\d+)\//.exec((await founder.get<StatusView>('/v1/status')).addresses[0]!)![1]!
    await founder.kill()
    const risen = await startDaemon({ name: 'founder', dataDir: founder.dataDir, open: false, args: ['--port', port] })
    await sees(again, await idOf(risen), 30_000)
    assert.equal((await risen.get<MemberView[]>('/v1/members')).length, 2)
  })

  it('an open cluster, in red, takes in whoever knows its address', async () => {
    const founder = await startClosed('founder')
    const { stderr } = await founder.cli('init', 'play', '--owner', 'ann', '--open')
    assert.ok((await founder.get<StatusView>('/v1/status')).open)
    assert.match(await done(founder.cli('status')), /YES: runs tasks of anyone/)
    // What it tells to do on a fresh host is all that is needed there.
    const [, cluster, address] = /on another host: althing up --cluster (\S+) --join (\S+)/.exec(stderr)!
    const guest = await startClosed('guest', { cluster: cluster!, join: [address!] })
    assert.equal(await done(guest.cli('run', '-l', 'seat=founder', '--', 'echo', 'hello')), 'hello\n')
  })

  it('a cluster may be called as the daemon was told to call the one it was in before', async () => {
    const founder = await startClosed('founder', { cluster: 'home' })
    await found([founder])
    assert.equal((await clusterOf(founder)).name, 'home')
  })

  it('a node leaves, and is somebody else afterwards', async () => {
    const [founder, second] = (await founded(['founder', 'second'])) as [TestDaemon, TestDaemon]
    const before = await idOf(second)
    await done(second.cli('leave'))
    assert.notEqual(await idOf(second), before)
    await eventually('the founder to know', async () => {
      const members = await founder.get<MemberView[]>('/v1/members')
      return members.some(({ peerId, state }) => peerId === before && state === 'gone')
    })
    assert.equal((await second.cli('member', 'list')).code, 1)
    // Who may admit others goes when nobody is left whom it let in.
    const last = await founder.cli('leave')
    assert.equal(last.code, 0, last.stderr)
    assert.match((await founder.cli('member', 'list')).stderr, /belongs to no cluster with a genesis/)
  })

  it('one that let in others leaves by the admins alone', async () => {
    const [founder] = (await founded(['founder', 'second'])) as [TestDaemon, TestDaemon]
    const refused = await founder.cli('leave')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, new RegExp(`propose --revoke ${await idOf(founder)} --keep all`))
  })

  it('a node rotates its key, and stays what it was', async () => {
    const [founder, second] = (await founded(['founder', 'second'])) as [TestDaemon, TestDaemon]
    const before = await idOf(second)
    await done(second.cli('member', 'rotate'))
    const after = await idOf(second)
    assert.notEqual(after, before)
    await sees(founder, after)
    const members = await founder.get<MemberView[]>('/v1/members')
    assert.equal(members.find(({ peerId }) => peerId === before)?.state, 'gone')
    assert.equal(members.find(({ peerId }) => peerId === after)?.owner, 'ann')
  })

  it('two of three admins change the admins with the third offline; a third file is never needed', async () => {
    const [founder, other] = (await Promise.all(['founder', 'other'].map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
    ]
    const offline = freshDataDir()
    const keyAt = async (dataDir: string) => (await done(founder.cli('--data-dir', dataDir, 'gov', 'key'))).trim()
    const keys = [await keyAt(founder.dataDir), await keyAt(other.dataDir), await keyAt(offline)]
    await done(founder.cli('init', 'home', '--owner', 'ann', '--admins', keys.join(','), '--threshold', '2'))
    await done(other.cli('join', (await invite(founder)).ticket))
    const file = join(freshDataDir(), 'p.json')
    const proposed = await founder.cli('gov', 'propose', '--admins', keys.slice(0, 2).join(','), '--out', file)
    assert.match(proposed.stderr, /2 of 3 must sign/)
    assert.equal((await clusterOf(founder)).height, 0)
    const copy = `${file}.copy`
    copyFileSync(file, copy)
    await done(other.cli('gov', 'sign', copy))
    await eventually(
      'all to know',
      async () => (await clusterOf(founder)).height === 1 && (await clusterOf(other)).height === 1,
    )
    assert.deepEqual((await clusterOf(founder)).admins, { keys: keys.slice(0, 2), threshold: 2 })
    const exported = join(freshDataDir(), 'history.json')
    await done(other.cli('gov', 'log', '--export', exported))
    const { id } = await clusterOf(founder)
    assert.match(await done(founder.cli('gov', 'verify', exported, '--cluster', id)), /entries\s+1/)
    assert.notEqual((await founder.cli('gov', 'verify', exported, '--cluster', 'f'.repeat(64))).code, 0)
  })
})
