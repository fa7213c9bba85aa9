/** Proposals that find the other admins over the mesh: by real daemons, each with the key of an admin beside it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { ProposalView } from '../../src/model/proposal-view.ts'
import { clusterOf, done, idOf, invite, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

const proposalsOf = (daemon: TestDaemon) => daemon.get<ProposalView[]>('/v1/proposals')

async function untilProposed(daemon: TestDaemon, is: (views: ProposalView[]) => boolean): Promise<ProposalView> {
  return eventually(`a proposal at ${daemon.name}`, async () => {
    const views = await proposalsOf(daemon)
    return is(views) && views[0]
  })
}

/** A cluster of three daemons, each with an admin; two decide. */
async function threeAdmins(): Promise<[TestDaemon, TestDaemon, TestDaemon]> {
  const daemons = await Promise.all(['founder', 'second', 'third'].map((name) => startClosed(name)))
  const [founder, ...others] = daemons as [TestDaemon, TestDaemon, TestDaemon]
  const keys = await Promise.all(daemons.map(async (daemon) => (await done(daemon.cli('gov', 'key'))).trim()))
  await done(founder.cli('init', 'home', '--owner', 'ann', '--admins', keys.join(','), '--threshold', '2'))
  for (const other of others) await done(other.cli('join', (await invite(founder)).ticket))
  for (const other of others) await sees(founder, await idOf(other))
  return [founder, ...others]
}

describe('proposals over the mesh', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('one proposes, another signs where it is, by the id; the third is offline and hears of it later', async () => {
    const [founder, second, third] = await threeAdmins()
    await third.kill()
    const peer = await idOf(second)
    const file = join(freshDataDir(), 'p.json')
    const proposed = await founder.cli('gov', 'propose', '--enroll', peer, '--out', file)
    const id = /the other admins: althing gov sign ([0-9a-f]{12})/.exec(proposed.stderr)?.[1]
    assert.ok(id !== undefined, proposed.stderr)
    const { id: whole } = await untilProposed(second, ([one]) => one?.signers.length === 1)
    assert.ok(whole.startsWith(id))
    for (const words of [
      ['gov', 'proposals'],
      ['gov', 'log'],
    ]) {
      const shown = await done(second.cli(...words))
      assert.match(shown, new RegExp(`proposal ${id}.*enrollers, would be entry 1\n   signed by 1 of 2`))
      assert.match(shown, new RegExp(`may admit others: ${peer}`))
    }
    assert.match(
      await done(second.cli('gov', 'sign', id).then((one) => ({ ...one, stdout: one.stderr }))),
      /it is entry 1 of the log/,
    )
    await eventually('the founder to know', async () => (await clusterOf(founder)).height === 1)
    assert.deepEqual(await proposalsOf(founder), [])
    assert.match((await founder.cli('gov', 'sign', id)).stderr, /no proposals have an id that begins/)
    const address = (await founder.get<{ addresses: string[] }>('/v1/status')).addresses[0]!
    const again = await startDaemon({ name: 'third', dataDir: third.dataDir, open: false, join: [address] })
    await eventually('the third to know', async () => (await clusterOf(again)).height === 1)
  })

  it('is there after restarts, and for an admin that was away; refused by enough it is dead, and says so', async () => {
    const [founder, second, third] = await threeAdmins()
    await third.kill()
    await done(founder.cli('gov', 'propose', '--checkpoint', '--out', join(freshDataDir(), 'p.json')))
    const { id } = await untilProposed(second, ([one]) => one !== undefined)
    await second.kill()
    const address = (await founder.get<{ addresses: string[] }>('/v1/status')).addresses[0]!
    const [risen, back] = (await Promise.all(
      [second, third].map(({ name, dataDir }) => startDaemon({ name, dataDir, open: false, join: [address] })),
    )) as [TestDaemon, TestDaemon]
    assert.equal((await proposalsOf(risen))[0]?.id, id, 'it was on the disk')
    await untilProposed(back, ([one]) => one?.id === id)
    await done(risen.cli('gov', 'refuse', id.slice(0, 8)))
    await done(back.cli('gov', 'refuse', id.slice(0, 8)))
    await untilProposed(founder, ([one]) => one?.dead === true && one.refusedBy.length === 2)
    assert.match(await done(founder.cli('gov', 'proposals')), /refused by 2 \(dead\)/)
    assert.match((await risen.cli('gov', 'sign', id.slice(0, 8))).stderr, /this key has refused this proposal/)
    // Whoever signed it is free again, by the same refusals.
    await done(risen.cli('gov', 'propose', '--checkpoint', '--out', join(freshDataDir(), 'q.json')))
    const other = await eventually('the other proposal', async () =>
      (await proposalsOf(founder)).find((one) => one.id !== id),
    )
    await done(founder.cli('gov', 'sign', other.id.slice(0, 12)))
    await eventually('all to know', async () => (await clusterOf(back)).height === 1)
  })

  it('says what is not passed on: what no admin has signed, an id that nothing has, no file', async () => {
    const [founder] = await threeAdmins()
    const nobody = freshDataDir()
    const file = join(freshDataDir(), 'p.json')
    await done(founder.cli('--data-dir', nobody, 'gov', 'propose', '--checkpoint', '--out', file))
    const keyless = await founder.cli('--data-dir', nobody, 'gov', 'refuse', file)
    assert.match(keyless.stderr, /there is no key at .*admin\.key/)
    await done(founder.cli('--data-dir', nobody, 'gov', 'key'))
    const signed = await founder.cli('--data-dir', nobody, 'gov', 'refuse', file)
    assert.match(signed.stderr, /it is not passed on over the mesh: no admin has signed it/)
    const unknown = await founder.cli('gov', 'sign', 'abcdef0123')
    assert.match(unknown.stderr, /no proposals have an id that begins abcdef0123\n  fix: /)
    assert.match((await founder.cli('gov', 'sign', 'nosuch.json')).stderr, /nosuch.json/)
    assert.deepEqual(await proposalsOf(founder), [])
  })
})
