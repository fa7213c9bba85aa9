/** What was decided about who belongs, in the audit logs of real daemons; files that prove it by the genesis alone. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditEntry } from '../../src/model/audit-view.ts'
import { clusterOf, done, found, idOf, invite, listed, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, stopAll, type TestDaemon } from '../support/daemon.ts'

const typesOf = (entries: readonly AuditEntry[]) => entries.map(({ event }) => event.type).toSorted()

/** Writes the log once a heartbeat could have signed this event. */
async function exported(daemon: TestDaemon, type: string): Promise<string> {
  await eventually(`a signed ${type}`, async () => {
    const [entry] = await listed(daemon, type)
    return entry !== undefined && (await daemon.cli('audit', 'show', String(entry.position))).code === 0
  })
  const file = join(freshDataDir(), 'log.ndjson')
  await done(daemon.cli('audit', 'export', file))
  return file
}

describe('the audit of governance', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('has everything by its id; a file proves its author by the genesis alone', async () => {
    const [founder, second] = (await Promise.all(['founder', 'second'].map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
    ]
    await found([founder, second])
    const third = await startClosed('third')
    await done(third.cli('join', (await invite(founder)).ticket))
    const [thirdId, secondId] = [await idOf(third), await idOf(second)]
    await done(founder.cli('gov', 'propose', '--enroll', secondId, '--out', join(founder.dataDir, 'p.json')))
    const policy = join(founder.dataDir, 'policy.yaml')
    writeFileSync(
      policy,
      'apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: night }\nspec:\n  rules:\n' +
        "    - { name: all, allow: 'true' }\n",
    )
    await done(founder.cli('policy', 'apply', policy))
    await done(founder.cli('policy', 'remove'))
    const { id, head } = await clusterOf(founder)
    await eventually('the last to be written', async () => (await listed(founder, 'policy.removed')).length === 1)
    const events = await listed(founder, 'cluster', 'ticket', 'gov', 'policy', 'member.admitted')
    assert.deepEqual(typesOf(events), [
      'cluster.founded',
      'gov.applied',
      'member.admitted',
      'member.admitted',
      'policy.applied',
      'policy.removed',
      'ticket.made',
      'ticket.made',
      'ticket.redeemed',
      'ticket.redeemed',
    ])
    const applied = events.find(({ event }) => event.type === 'gov.applied')!
    assert.equal(applied.event.type === 'gov.applied' && applied.event.statement, head)
    const file = await exported(third, 'gov.applied')
    const shown = await eventually('its signature', async () => {
      const { code, stdout } = await founder.cli('audit', 'show', String(applied.position))
      return code === 0 && stdout
    })
    assert.match(shown, new RegExp(`entry ${head}, signed by \\S+\n  may admit others: ${secondId}`))

    // Its author is told by nothing but the hash of the genesis.
    const proven = await done(third.cli('audit', 'verify', file, '--cluster', id))
    assert.match(proven, new RegExp(`a member of home ${id}, owner ann, let in by ${await idOf(founder)}\nfrom 20`))
    const other = await third.cli('audit', 'verify', file, '--cluster', 'f'.repeat(64))
    assert.match(other.stderr, new RegExp(`it is of a member of cluster ${id}`))

    // Expelled, it may leave that out; what another member knows brings it back.
    await done(founder.cli('member', 'revoke', thirdId, '--reason', 'stolen'))
    const [revoked] = await listed(founder, 'member.revoked')
    assert.equal(revoked?.event.type === 'member.revoked' && revoked.event.peer, thirdId)
    const history = join(founder.dataDir, 'history.json')
    await done(founder.cli('gov', 'log', '--export', history))
    const before = await third.cli('audit', 'verify', file, '--cluster', id, '--history', history)
    assert.equal(before.code, 0, before.stderr)
    assert.match(before.stdout, /until \S+, revoked by [0-9a-f]{64}/)
  })

  it('is no proof when the genesis, an admission or the author is another', async () => {
    const [founder, second] = (await Promise.all(['founder', 'second'].map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
    ]
    await found([founder, second])
    const alone = await startClosed('alone')
    await done(alone.cli('init', 'elsewhere', '--owner', 'eve'))
    const { id } = await clusterOf(founder)
    const [good, foreign] = [await exported(second, 'cluster.joined'), await exported(alone, 'cluster.founded')]
    const lines = readFileSync(good, 'utf8').trimEnd().split('\n')
    const others = readFileSync(foreign, 'utf8').trimEnd().split('\n')
    const isOf = (key: string) => (line: string) => line.startsWith(`{"${key}"`)
    const secondId = await idOf(second)
    const ownAdmission = lines.findLastIndex(isOf('statement'))
    const wrong: [string[], RegExp][] = [
      // A stranger puts the papers of the cluster before its own log.
      [
        [
          others[0]!,
          ...lines.filter(isOf('genesis')),
          ...lines.filter(isOf('statement')),
          ...others.filter(isOf('position')),
        ],
        /nobody who may has let \S+ into cluster/,
      ],
      [others, /it is of a member of cluster/],
      [
        lines.filter((line) => !isOf('genesis')(line) && !isOf('statement')(line)),
        new RegExp(`it says of no cluster that ${secondId} belonged`),
      ],
      [lines.toSpliced(1, ownAdmission, lines[1]!), /nobody who may has let/],
      [lines.with(2, `{"statement":"${'A'.repeat(200)}"}`), /does not verify/],
      [lines.toSpliced(2, 0, lines[1]!), /line 3: it is a second genesis/],
      [lines.toSpliced(1, 1), /line 2: it is a statement without a genesis before it/],
    ]
    const file = join(second.dataDir, 'wrong.ndjson')
    for (const [changed, problem] of wrong) {
      writeFileSync(file, `${changed.join('\n')}\n`)
      const { code, stderr } = await second.cli('audit', 'verify', file, '--cluster', id)
      assert.equal(code, 1)
      assert.match(stderr, problem)
      assert.doesNotMatch(stderr, /\n\s+at /)
    }
    await sees(founder, secondId)
  })
})
