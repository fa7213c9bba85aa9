/** Two owners, two clusters, and one machine that is in both: each owner's policy holds on its own hosts. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DaemonClient } from '../../src/cli/client.ts'
import { readEvents } from '../../src/cli/streams.ts'
import type { NodeView, StatusView, TaskView } from '../../src/model/api.ts'
import type { AuditPage } from '../../src/model/audit-view.ts'
import type { ClusterPlaceView } from '../../src/model/cluster-place.ts'
import type { StoryLine, WhyView } from '../../src/model/why-view.ts'
import { done, idOf, invite, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type CliResult, type TestDaemon } from '../support/daemon.ts'
import { requireIsolation } from '../support/isolation.ts'
import { netnsLab } from '../support/netns-lab.ts'

const placesOf = (daemon: TestDaemon) => daemon.get<ClusterPlaceView[]>('/v1/clusters')
const ofWorks = (path: string) => `/clusters/works${path}`

function policyFile(name: string, denied: string): string {
  const path = join(freshDataDir(), `${name}.yaml`)
  writeFileSync(
    path,
    `apiVersion: althing.dev/v1
kind: Policy
metadata: { name: ${name} }
spec:
  rules:
    - { name: no-${denied}, deny: "task.command[0] == '${denied}'" }
    - { name: everything-else, allow: 'true' }
`,
  )
  return path
}

/** Each decline of a story: who, by which constraint, and the rule and values that it names. */
function declinesOf(story: readonly StoryLine[]): { node: string; constraint: string; text: string }[] {
  return story.flatMap((line) =>
    line.kind === 'declined'
      ? line.reasons.map(({ constraint, wanted, measured }) => ({
          node: line.nodeName,
          constraint,
          text: `${wanted} ${measured}`,
        }))
      : [],
  )
}

async function whyOf(shared: TestDaemon, { stderr }: CliResult): Promise<{ cluster: string; why: WhyView }> {
  const cluster = /placed in cluster (\S+)/.exec(stderr)![1]!
  const task = /task (\S+)/.exec(stderr)![1]!
  return { cluster, why: await shared.get<WhyView>(`/clusters/${cluster}/v1/tasks/${task}/why`) }
}

describe('e2e: one machine in two clusters, of two owners', function () {
  this.timeout(180_000)
  const lab = netnsLab(['ann', 'shared', 'bob'])

  const start = (index: number, dataDir?: string): Promise<TestDaemon> => {
    const { name, spawn } = lab.nodes[index]!
    return startClosed(name, { spawn, ...(dataDir !== undefined && { dataDir }) })
  }

  /** `house` is Ann's, `works` is Bob's; the shared machine came into `house` first. */
  async function twoClusters(): Promise<[TestDaemon, TestDaemon, TestDaemon]> {
    const [ann, shared, bob] = (await Promise.all([0, 1, 2].map((index) => start(index)))) as [
      TestDaemon,
      TestDaemon,
      TestDaemon,
    ]
    await done(ann.cli('init', 'house', '--owner', 'ann'))
    await done(bob.cli('init', 'works', '--owner', 'bob'))
    await done(shared.cli('join', (await invite(ann)).ticket))
    // A machine of both: Bob's work is no guest's there.
    await done(shared.cli('join', '--beside', '--own', (await invite(bob)).ticket))
    await sees(ann, await idOf(shared))
    const [, works] = await placesOf(shared)
    await sees(bob, works!.peerId!)
    await eventually('the shared machine to see Bob’s', async () => {
      const nodes = await shared.get<NodeView[]>(ofWorks('/v1/nodes'))
      return nodes.filter(({ state }) => state === 'ready').length === 2
    })
    return [ann, shared, bob]
  }

  it('what one owner allows and the other forbids goes where it may, and why names the rule elsewhere', async () => {
    const [ann, shared, bob] = await twoClusters()
    await done(ann.cliIn(freshDataDir(), 'policy', 'apply', '--cluster', policyFile('ann-law', 'tar')))
    await done(bob.cliIn(freshDataDir(), 'policy', 'apply', '--cluster', policyFile('bob-law', 'sort')))
    for (const [path, name] of [
      ['/v1/status', 'ann-law'],
      [ofWorks('/v1/status'), 'bob-law'],
    ] as const) {
      await eventually(`the shared machine to enforce ${name}`, async () => {
        const { governance } = await shared.get<StatusView>(path)
        return governance?.policy?.name === name
      })
    }

    // Each law holds in its own cluster alone, on the shared machine too.
    const refused = await shared.cli('run', '--in', 'house', '--place-timeout', '1s', '--', 'tar', '--version')
    assert.equal(refused.code, 125, refused.stderr)
    assert.match(refused.stderr, /no-tar/)
    await done(shared.cli('run', '--in', 'works', '--', 'tar', '--version'))
    await done(shared.cli('run', '--in', 'house', '--', 'sort', '--version'))

    // Each owner from a host of its own: by its own law, on the shared machine as at home.
    for (const [owner, allowed, denied] of [
      [ann, 'sort', 'tar'],
      [bob, 'tar', 'sort'],
    ] as const) {
      const said = await done(owner.cli('run', '-v', '-l', 'seat=shared', '--', allowed, '--version'))
      assert.match(said, new RegExp(`^${allowed} `))
      const { code, stderr } = await owner.cli('run', '--place-timeout', '1s', '--', denied, '--version')
      assert.equal(code, 125, stderr)
      const [task] = await owner.get<TaskView[]>('/v1/tasks?all=true')
      const { story } = await owner.get<WhyView>(`/v1/tasks/${task!.taskId}/why`)
      const declines = declinesOf(story)
      assert.deepEqual([...new Set(declines.map(({ node }) => node))].toSorted(), [owner.name, 'shared'].toSorted())
      for (const { constraint, text } of declines) {
        assert.equal(constraint, 'policy')
        assert.match(text, new RegExp(`no-${denied}`))
      }
    }

    const archived = await shared.cli('run', '-v', '--in', 'house,works', '--', 'tar', '--version')
    assert.equal(archived.code, 0, archived.stderr)
    assert.match(archived.stdout, /^tar/)
    const first = await whyOf(shared, archived)
    assert.equal(first.cluster, 'works')
    const [house] = first.why.elsewhere!
    assert.deepEqual([house!.cluster, house!.slots], ['house', 0])
    const said = declinesOf(house!.story)
    assert.deepEqual(said.map(({ node, constraint }) => `${node} ${constraint}`).toSorted(), [
      'ann policy',
      'shared policy',
    ])
    for (const { text } of said) assert.match(text, /no-tar/)
    assert.match(
      await done(shared.cli('why', '--in', 'works', first.why.taskId)),
      /in cluster house, which was asked too: room for 0 tasks[^]*ann declined:[^]*no-tar/,
    )

    const sorted = await shared.cli('run', '-v', '--in', 'works,house', '--', 'sort', '--version')
    assert.equal(sorted.code, 0, sorted.stderr)
    const second = await whyOf(shared, sorted)
    assert.equal(second.cluster, 'house')
    assert.ok(declinesOf(second.why.elsewhere![0]!.story).every(({ text }) => text.includes('no-sort')))

    // What the owner of the machine itself forbids is forbidden for both.
    await done(shared.cli('policy', 'apply', policyFile('own-law', 'uname')))
    for (const [cluster, other] of [
      ['house', 'ann'],
      ['works', 'bob'],
    ] as const) {
      await done(shared.cli('run', '--in', cluster, '--', 'uname'))
      const [task] = await shared.get<TaskView[]>(`/clusters/${cluster}/v1/tasks?all=true`)
      assert.deepEqual([task!.name, task!.nodeName], ['uname', other])
    }
  })

  it('reserves for one cluster what is then not there for the other, until it is given back', async () => {
    const [, shared, bob] = await twoClusters()
    const { capacity } = await shared.get<StatusView>('/v1/status')
    const most = `${capacity.cpuMilli - 100}m`
    const here = ['-l', 'seat=shared', '--cpu', most]
    const [long] = (await done(shared.cli('run', '--detach', ...here, '--', 'sleep', '60'))).trim().split('\n')
    await eventually('it to run', async () => (await shared.get<TaskView>(`/v1/tasks/${long}`)).state === 'running')
    const [house, works] = await placesOf(shared)
    assert.deepEqual(
      [house!.running, house!.reserved!.cpuMilli, works!.running, works!.reserved!.cpuMilli],
      [1, capacity.cpuMilli - 100, 0, 0],
    )
    const waiting = bob.cli('run', ...here, '--place-timeout', '60s', '--', 'echo', 'after')
    let declined = ''
    await eventually('Bob to be declined for want of room', async () => {
      const [task] = await bob.get<TaskView[]>('/v1/tasks')
      if (task === undefined) return false
      const { story } = await bob.get<WhyView>(`/v1/tasks/${task.taskId}/why`)
      declined = declinesOf(story).find(({ node }) => node === 'shared')?.text ?? ''
      return declined !== ''
    })
    assert.match(declined, /0\.1 of \d+(\.\d+)? CPU unreserved/)
    await done(shared.cli('cancel', long!))
    const { code, stdout } = await waiting
    assert.deepEqual([code, stdout], [0, 'after\n'])
  })

  it('is in both again after kill -9, agrees to a policy of both, and leaves one of them alone', async () => {
    const [ann, shared, bob] = await twoClusters()
    const law = policyFile('shared-law', 'od')
    for (const daemon of [ann, bob]) await done(daemon.cliIn(freshDataDir(), 'policy', 'apply', '--network', law))
    await eventually('both clusters to agree', async () => {
      const [house, works] = await placesOf(shared)
      const [one, other] = [house!.networkPolicy, works!.networkPolicy]
      return one?.name === 'shared-law' && one.sha256 === other?.sha256
    })
    for (const cluster of ['house', 'works']) {
      const refused = await shared.cli('run', '--in', cluster, '--place-timeout', '1s', '--', 'od', '--version')
      assert.match(refused.stderr, /rule no-od of network policy shared-law/, cluster)
    }

    const ids = (await placesOf(shared)).map(({ peerId }) => peerId)
    assert.equal(new Set(ids).size, 2)
    await shared.kill()
    const again = await start(1, shared.dataDir)
    await eventually('both to be ready again', async () => {
      const places = await placesOf(again)
      return places.length === 2 && places.every(({ state }) => state === 'ready')
    })
    assert.deepEqual(
      (await placesOf(again)).map(({ peerId }) => peerId),
      ids,
    )
    await sees(bob, ids[1]!)

    const left = await again.cli('leave', '--in', 'works')
    assert.equal(left.code, 0, left.stderr)
    assert.deepEqual(
      (await placesOf(again)).map(({ name, state }) => [name, state]),
      [['house', 'ready']],
    )
    assert.deepEqual(readdirSync(join(again.dataDir, 'clusters')), [])
    assert.equal(readdirSync(join(again.dataDir, 'left')).length, 1)
    const nobody = await again.cli('nodes', '--in', 'works')
    assert.match(nobody.stderr, /this daemon is in no cluster works\n {2}fix: it is in house/)
    await done(again.cli('run', '--', 'true'))
    // Another key is another member: it may come back by another ticket.
    await done(again.cli('join', '--beside', '--as', 'jobs', (await invite(bob)).ticket))
    const [, jobs] = await placesOf(again)
    assert.equal(jobs!.name, 'jobs')
    assert.ok(!ids.includes(jobs!.peerId))
  })
})

describe('e2e: a daemon of one cluster is asked to be in more', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('tells of a policy of the machine, and notes it, in each cluster that it is in', async () => {
    const alone = await startDaemon({ open: false })
    await done(alone.cli('init', 'house'))
    await done(alone.cli('init', 'works', '--beside'))
    const client = new DaemonClient(alone.socketPath)
    const streams = await Promise.all(['/v1/events', ofWorks('/v1/events')].map((path) => client.open(path)))
    await done(alone.cli('policy', 'apply', '--in', 'works', policyFile('own-law', 'uname')))
    await done(alone.cli('policy', 'remove'))
    for (const stream of streams) {
      const said: string[] = []
      for await (const { type, subject, what } of readEvents(stream)) {
        if (type === 'policy') said.push(`${subject} ${what}`)
        if (said.length === 2) break
      }
      assert.deepEqual(said, ['own-law applied', 'own-law removed'])
    }
    for (const path of ['/v1/audit/events', ofWorks('/v1/audit/events')]) {
      await eventually(`${path} to have both`, async () => {
        const { entries } = await alone.get<AuditPage>(path)
        const types = entries.map(({ event }) => event.type).filter((type) => type.startsWith('policy.'))
        return types.join(' ') === 'policy.removed policy.applied'
      })
    }
  })

  it('refuses the same one twice, a name that is taken, and a ticket that is none, and changes nothing', async () => {
    const alone = await startDaemon({ open: false })
    await done(alone.cli('init', 'house'))
    await done(alone.cli('init', 'works', '--beside'))
    const places = await placesOf(alone)
    const { ticket } = await invite(alone)
    const again = await alone.cli('join', '--beside', '--as', 'other', ticket)
    assert.equal(again.code, 1)
    assert.match(again.stderr, /this daemon is in this very cluster already: it is house here/)
    const taken = await alone.cli('init', 'works', '--beside')
    assert.match(taken.stderr, /works is the name of another cluster on this machine\n {2}fix: .*--as NAME/)
    const faulty = await alone.cli('join', '--beside', `${ticket.slice(0, -4)}AAAA`)
    assert.match(faulty.stderr, /the ticket was altered or is not whole/)
    assert.deepEqual(await placesOf(alone), places)
    assert.match((await alone.cli('init', 'default', '--beside')).stderr, /default is a name of the first cluster/)
    const several = await alone.cli('nodes', '--in', 'house,works')
    assert.match(several.stderr, /--in: only `althing run` takes more than one cluster/)
    const token = await alone.cli('token', 'list', '--in', 'works')
    assert.match(token.stderr, /is about the daemon, not one of its clusters/)
  })

  it('counts after kill -9 what runs on in one: it is not there for the other', async () => {
    const dataDir = freshDataDir()
    const before = await startClosed('alone', { dataDir })
    await done(before.cli('init', 'house'))
    await done(before.cli('init', 'works', '--beside'))
    const most = `${before.status.capacity.cpuMilli - 100}m`
    const long = (await done(before.cli('run', '--in', 'works', '--detach', '--cpu', most, '--', 'sleep', '60'))).trim()
    const stateOf = async (daemon: TestDaemon) => (await daemon.get<TaskView>(ofWorks(`/v1/tasks/${long}`))).state
    await eventually('it to run', async () => (await stateOf(before)) === 'running')
    await before.kill()
    const again = await startClosed('alone', { dataDir })
    const refused = await again.cli('run', '--cpu', most, '--place-timeout', '2s', '--', 'true')
    assert.equal(refused.code, 125, refused.stderr)
    assert.match(refused.stderr, /cpu/)
    assert.equal(await stateOf(again), 'running')
    await done(again.cli('cancel', '--in', 'works', long))
    await done(again.cli('run', '--cpu', most, '--', 'true'))
  })

  it('puts away what was being left, names what cannot be read, and gives that up when told', async () => {
    const dataDir = freshDataDir()
    const before = await startClosed('alone', { dataDir })
    await done(before.cli('init', 'house'))
    await done(before.cli('init', 'works', '--beside'))
    await before.stop()
    const place = (name: string) => join(dataDir, 'clusters', name)
    // As a crash between the two leaves it: the genesis is forgotten, and the place is still listed.
    mkdirSync(place('gone'), { recursive: true })
    copyFileSync(join(place('works'), 'place.json'), join(place('gone'), 'place.json'))
    writeFileSync(join(place('works'), 'place.json'), '{')
    const again = await startClosed('alone', { dataDir })
    const [house, works, ...others] = await placesOf(again)
    assert.deepEqual([house!.name, works!.name, others], ['house', 'works', []])
    assert.match(works!.problem!, /place\.json cannot be read/)
    assert.deepEqual(
      readdirSync(join(dataDir, 'left')).map((name) => name.replace(/\d+$/, '')),
      ['gone-'],
    )
    const either = await again.cli('run', '-v', '--in', 'works,house', '--', 'true')
    assert.equal(either.code, 0, either.stderr)
    const { cluster, why } = await whyOf(again, either)
    assert.equal(cluster, 'house')
    assert.match(why.elsewhere![0]!.refusal!, /this daemon is not in works now/)
    const running = await again.cli('clusters', 'forget', 'house')
    assert.match(running.stderr, /house is no cluster beside the first/)
    await done(again.cli('clusters', 'forget', 'works'))
    assert.deepEqual(
      (await placesOf(again)).map(({ name }) => name),
      ['house'],
    )
  })

  it('runs work of others beside its own cluster as that of guests, whatever the roster says', async function () {
    await requireIsolation(this)
    const [shared, bob] = [await startClosed('shared'), await startClosed('bob')]
    await done(shared.cli('init', 'house', '--owner', 'ann'))
    await done(bob.cli('init', 'works', '--owner', 'bob'))
    // By this ticket the machine is Bob's: that is Bob's word, and binds nobody here.
    await done(shared.cli('join', '--beside', (await invite(bob)).ticket))
    const [, works] = await placesOf(shared)
    await sees(bob, works!.peerId!)
    const isolation = await done(bob.cli('run', '-l', 'seat=shared', '--', 'sh', '-c', 'echo $ALTHING_ISOLATION'))
    assert.equal(isolation, 'bwrap\n')
    const { ALTHING_ISOLATION: own = '' } = process.env
    assert.equal(
      await done(shared.cli('run', '-l', 'seat=shared', '--', 'sh', '-c', 'echo $ALTHING_ISOLATION')),
      `${own}\n`,
    )
  })
})
