/** What a cluster lets run, signed by its admins and enforced by each member: real daemons, the shipped launcher. */
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { StatusView, TaskView } from '../../src/model/api.ts'
import type { ClusterView } from '../../src/model/cluster.ts'
import type { PolicyExplanation, PolicyHistory, PolicyTrial, PolicyView } from '../../src/model/policy-api.ts'
import { AdminKey } from '../../src/cli/gov/admin.ts'
import { makeStatement } from '../../src/wire/statement.ts'
import { clusterOf, done, found, handIn, idOf, invite, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { policyFile } from '../support/policy-file.ts'

const EVERYTHING = "    - { name: everything, allow: 'true' }\n"

const policyIn = (daemon: TestDaemon) => daemon.get<PolicyView>('/v1/policy?level=cluster')
const tasksOf = (daemon: TestDaemon) => daemon.get<TaskView[]>('/v1/tasks?all=true')

async function knowsPolicy(daemons: readonly TestDaemon[], name: string | undefined): Promise<void> {
  for (const daemon of daemons) {
    await eventually(`${daemon.name} to enforce ${name}`, async () => {
      const { governance } = await daemon.get<StatusView>('/v1/status')
      return governance?.policy?.name === name
    })
  }
}

/** A cluster of two whose one admin is at the founder. */
async function pair(): Promise<[TestDaemon, TestDaemon]> {
  const daemons: [TestDaemon, TestDaemon] = [await startClosed('north'), await startClosed('south')]
  await found(daemons)
  await sees(daemons[1], await idOf(daemons[0]))
  return daemons
}

const applied = (daemon: TestDaemon, file: string) =>
  done(daemon.cliIn(freshDataDir(), 'policy', 'apply', '--cluster', file))

describe('the policy of a cluster', function () {
  this.timeout(90_000)
  afterEach(stopAll)

  it('takes two of three admins, reaches every member, survives restarts, and is replaced by the next', async () => {
    const [north, south] = [await startClosed('north'), await startClosed('south')]
    const keyAt = async (dataDir: string) => (await done(north.cli('--data-dir', dataDir, 'gov', 'key'))).trim()
    const keys = [await keyAt(north.dataDir), await keyAt(south.dataDir), await keyAt(freshDataDir())]
    await done(north.cli('init', 'home', '--owner', 'ann', '--admins', keys.join(','), '--threshold', '2'))
    await done(south.cli('join', (await invite(north)).ticket))
    await sees(north, await idOf(south))

    const first = policyFile('no-wc', `${EVERYTHING}    - { name: no-wc, deny: "task.command[0] == 'wc'" }\n`)
    const file = join(freshDataDir(), 'p.json')
    const proposed = await north.cli('policy', 'apply', '--cluster', first, '--out', file)
    assert.equal(proposed.code, 0, proposed.stderr)
    assert.match(proposed.stderr, /2 of 3 must sign/)
    assert.match(proposed.stderr, /name: no-wc, deny/, 'the admin sees what it signs')
    assert.deepEqual(await policyIn(south), { stopped: [] }, 'one signature decides nothing')
    const copy = `${file}.copy`
    copyFileSync(file, copy)
    const signed = await south.cli('gov', 'sign', copy)
    assert.equal(signed.code, 0, signed.stderr)
    assert.match(signed.stderr, /deny: "task\.command/, 'the other one as well')
    await knowsPolicy([north, south], 'no-wc')
    assert.match(await done(south.cli('policy', 'get', '--cluster')), /name: no-wc, deny/)
    const { versions } = JSON.parse(await done(south.cli('policy', 'history', '--cluster', '--json'))) as PolicyHistory
    assert.deepEqual(
      versions.map(({ version, name, rules, height, signers }) => [version, name, rules, height, signers?.length]),
      [[1, 'no-wc', 2, 1, 2]],
    )
    assert.match(await done(south.cli('status')), /of the cluster +no-wc, version 1/)
    assert.match(await done(south.cli('gov', 'log')), /policy of the cluster: \d+ lines, sha256 /)

    await south.kill()
    const again = await startDaemon({ name: 'south', dataDir: south.dataDir, open: false })
    await knowsPolicy([again], 'no-wc')
    const refused = await again.cli('run', '--place-timeout', '2s', '--', 'wc', '--version')
    assert.equal(refused.code, 125)
    assert.match(refused.stderr, /rule no-wc of cluster policy no-wc/)
    assert.equal(await done(again.cli('run', '--', 'echo', 'hello')), 'hello\n')
  })

  it('and that of a node are asked one by one: to permit everything in one opens nothing of the other', async () => {
    const [north, south] = await pair()
    await applied(
      north,
      policyFile('cluster-house', `${EVERYTHING}    - { name: no-wc, deny: "task.command[0] == 'wc'" }\n`),
    )
    await knowsPolicy([north, south], 'cluster-house')
    await done(south.cli('policy', 'apply', policyFile('wide-open', EVERYTHING)))
    await done(
      north.cli(
        'policy',
        'apply',
        policyFile('no-echo', `${EVERYTHING}    - { name: no-echo, deny: "task.command[0] == 'echo'" }\n`),
      ),
    )

    const nowhere = await north.cli('run', '--place-timeout', '2s', '--', 'wc', '--version')
    assert.equal(nowhere.code, 125)
    assert.match(nowhere.stderr, /south declined: policy \(wanted rule no-wc of cluster policy cluster-house/)
    assert.match(nowhere.stderr, /north declined: policy \(wanted rule no-wc of cluster policy cluster-house/)
    assert.equal(await done(north.cli('run', '--', 'echo', 'hello')), 'hello\n')
    const [task] = (await tasksOf(north)).filter(({ state }) => state === 'succeeded')
    assert.equal(task!.nodeName, 'south')
    assert.match(await done(north.cli('why', task!.taskId)), /wanted rule no-echo of node policy no-echo/)
    const said = JSON.parse(await done(south.cli('policy', 'explain', task!.taskId, '--json'))) as PolicyExplanation
    assert.deepEqual(
      said.rules.map(({ level, policy, rule, outcome }) => [level, policy, rule, outcome]),
      [
        ['node', 'wide-open', 'everything', 'admits'],
        ['cluster', 'cluster-house', 'everything', 'admits'],
        ['cluster', 'cluster-house', 'no-wc', 'passes'],
      ],
    )
    assert.match(await done(south.cli('policy', 'explain', task!.taskId)), /cluster policy cluster-house\n {2}admits /)

    // What a new policy of the cluster would change here, beside the node's own.
    const strict = policyFile('strict', "    - { name: nothing, deny: 'true' }\n")
    const trial = JSON.parse(await done(south.cli('policy', 'test', '--cluster', strict, '--json'))) as PolicyTrial
    assert.ok(trial.changes.length === 1 && trial.stillRefused > 0, JSON.stringify(trial))
    assert.equal((await policyIn(south)).policy!.name, 'cluster-house', 'nothing was changed')
  })

  it('that changes stops what it forbids, on every member, and removed it lets run again', async () => {
    const [north, south] = await pair()
    await done(north.cli('run', '--detach', '-l', 'seat=south', '--', 'sleep', '60'))
    const { taskId } = (await tasksOf(north))[0]!
    await eventually('it to run', async () => (await tasksOf(north))[0]!.state === 'running')
    const anns = `    - { name: of-ann, allow: "submitter.owner == 'ann'" }\n`
    const rule = `${anns}    - { name: no-sleeping, deny: "task.command[0] == 'sleep'", whenForbidden: stop }\n`
    await applied(north, policyFile('awake', rule))
    const why = await eventually('it to be ended', async () => {
      const told = await done(north.cli('why', taskId))
      return told.includes('policy: rule no-sleeping of cluster policy awake') && told
    })
    assert.match(why, /refused/)
    assert.equal((await south.cli('run', '--place-timeout', '1s', '--', 'sleep', '0')).code, 125)
    const dir = freshDataDir()
    await done(north.cliIn(dir, 'policy', 'remove', '--cluster'))
    assert.deepEqual(readdirSync(dir), [], 'what is in the log needs no file')
    await knowsPolicy([north, south], undefined)
    assert.equal((await south.cli('run', '--', 'sleep', '0')).code, 0)
    assert.notEqual((await north.cli('policy', 'remove', '--cluster')).code, 0)
  })

  it('that is faulty is refused with file, line and field; signed all the same, it denies and says why', async () => {
    const [north, south] = await pair()
    const faulty = policyFile('faulty', `${EVERYTHING}    - { name: typo, deny: "task.comand == []" }\n`)
    const { code, stderr } = await north.cli('policy', 'apply', '--cluster', faulty)
    assert.equal(code, 1)
    assert.match(stderr, /faulty\.yaml:7:27: spec\.rules\[1\]\.deny: No such key: comand/)
    const large = policyFile('large', EVERYTHING + `# ${'x'.repeat(49_152)}\n`)
    const tooLarge = await north.cli('policy', 'apply', '--cluster', large)
    assert.deepEqual([tooLarge.code, /has at most 49152/.test(tooLarge.stderr)], [2, true])

    const decide = async (text: string) => {
      const { id, height, head } = await clusterOf(north)
      const body = { cluster: id, height: height + 1, parent: head, atMs: Date.now(), change: { kind: 'policy', text } }
      const key = AdminKey.in(north.dataDir)
      const entry = key.sign(makeStatement('entry', body, []), head, () => false)
      const statements = [Buffer.from(entry.bytes).toString('base64url')]
      return handIn(north, statements)
    }
    assert.deepEqual(await decide('{ later: [1'), { outcomes: ['applied'] })
    await knowsPolicy([north, south], 'version-1')
    const refused = await south.cli('run', '--place-timeout', '1s', '--', 'echo', 'hello')
    assert.equal(refused.code, 125)
    assert.match(refused.stderr, /cluster policy version-1: a policy that can be used/)
    assert.match(await done(south.cli('status')), /version-1, version 1: CANNOT BE USED/)
    assert.match((await south.cli('policy', 'get', '--cluster')).stderr, /cannot be used, and everything is refused/)
    // The next version ends the emergency.
    await applied(north, policyFile('good', EVERYTHING))
    await knowsPolicy([north, south], 'good')
    assert.equal(await done(south.cli('run', '--', 'echo', 'hello')), 'hello\n')
  })

  it('of a kind that only a later version knows ends the log, and the one before stays in force', async () => {
    const [north, south] = await pair()
    await applied(north, policyFile('house', `${EVERYTHING}    - { name: no-wc, deny: "task.command[0] == 'wc'" }\n`))
    await knowsPolicy([south], 'house')
    const { id, height, head } = await clusterOf(north)
    const body = { cluster: id, height: height + 1, parent: head, atMs: Date.now(), change: { kind: 'later', x: 1 } }
    const entry = AdminKey.in(north.dataDir).sign(makeStatement('entry', body, []), head, () => false)
    const statements = [Buffer.from(entry.bytes).toString('base64url')]
    assert.deepEqual(await handIn(north, statements), { outcomes: ['halted'] })
    const view: ClusterView = await clusterOf(north)
    assert.deepEqual([view.halted?.kind, view.height], ['later', height])
    assert.equal((await policyIn(north)).policy!.name, 'house')
    assert.equal((await north.cli('run', '--place-timeout', '1s', '--', 'wc', '--version')).code, 125)
  })
})
