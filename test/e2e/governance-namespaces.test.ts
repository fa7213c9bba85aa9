/** Machines on one network: two join by ticket, one that hears them all the same is refused, one is expelled. */
import assert from 'node:assert/strict'
import type { StatusView } from '../../src/model/api.ts'
import { clusterOf, done, found, idOf, linksOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, type TestDaemon } from '../support/daemon.ts'
import { readMetrics } from '../support/metrics.ts'
import { netnsLab } from '../support/netns-lab.ts'

describe('e2e: a cluster with a genesis between network namespaces', function () {
  this.timeout(120_000)
  const lab = netnsLab(['one', 'two', 'three', 'four'])

  const start = (index: number, cluster?: string): Promise<TestDaemon> => {
    const { name, spawn } = lab.nodes[index]!
    return startClosed(name, { spawn, mdns: true, ...(cluster !== undefined && { cluster }) })
  }

  it('mDNS finds a stranger, and the roster keeps it out; a revoked member is cut off and stays so', async () => {
    const [one, two, three] = (await Promise.all([0, 1, 2].map((index) => start(index)))) as [
      TestDaemon,
      TestDaemon,
      TestDaemon,
    ]
    await found([one, two, three])
    const { cluster } = await one.get<StatusView>('/v1/status')
    // It calls itself by the cluster's own tag, so that mDNS brings them together.
    const four = await start(3, cluster)
    await eventually(
      'a stranger to be turned away',
      async () => (await readMetrics(one))('peer_gater_denied_peer_total') > 0,
      30_000,
    )
    for (const daemon of [one, two, three]) assert.ok(!(await linksOf(daemon)).includes(await idOf(four)))
    assert.deepEqual(await linksOf(four), [])

    await sees(two, await idOf(three))
    await eventually('all links', async () => (await linksOf(two)).length === 2 && (await linksOf(three)).length === 2)
    const expelled = await idOf(three)
    await done(one.cli('member', 'revoke', expelled))
    for (const daemon of [one, two]) {
      await eventually('the link to be cut', async () => !(await linksOf(daemon)).includes(expelled))
    }
    const deniedBefore = (await readMetrics(two))('peer_gater_denied_peer_total')
    await eventually(
      'it to try again',
      async () => (await readMetrics(two))('peer_gater_denied_peer_total') > deniedBefore,
      30_000,
    )
    assert.deepEqual(await linksOf(two), [await idOf(one)])
    assert.equal((await clusterOf(two)).members, 2)
  })
})
