/** Commands of a daemon that is in several clusters. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cli, startCli } from '../../support/cli.ts'
import { FakeOperations, PEER_B } from '../../support/fake-operations.ts'
import { startStatus, TOKEN, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const UNPLACED = { exitCode: 125, startError: 'NoCapableNodes: x', startedAtMs: 1, endedAtMs: 2 }
const ID = 'c'.repeat(64)

describe('cli: a daemon in several clusters', function () {
  this.timeout(30_000)
  let status: StatusFixture
  let works: FakeOperations
  beforeEach(async () => {
    status = await startStatus()
    works = new FakeOperations()
    status.operations.beside.set('works', works)
  })
  afterEach(() => status.stop())
  const run = (...args: string[]) => cli(args, { socketPath: status.socketPath })

  /** The first goes by another name as soon as the daemon has moved. */
  function renames(to: string): { cluster: string; id: string; peerId: string } {
    const { operations } = status
    const before = operations.status()
    const cluster = operations.firstName
    operations.status = () => ({ ...before, cluster: `${to}-${ID.slice(0, 16)}`, clusters: [to, 'works'] })
    operations.firstName = to
    return { cluster, id: ID, peerId: PEER_B }
  }

  it('leaves the first by its name, which it then has no more', async () => {
    status.operations.cluster.leave = () => renames('default')
    const left = await run('leave', '--in', 'home')
    assert.equal(left.code, 0, left.stderr)
    assert.match(left.stderr, /^althing: left home; this node is \S+ from now on/)
  })

  it('leaves one beside the first, and waits until it is gone', async () => {
    works.cluster.leave = () => {
      status.operations.beside.delete('works')
      return { cluster: 'works', id: ID, peerId: PEER_B }
    }
    const left = await run('leave', '--in', 'works')
    assert.deepEqual([left.code, left.stderr], [0, 'althing: left works\n'])
  })

  it('founds and joins with the first by the name that it has until then', async () => {
    status.operations.firstName = 'default'
    status.operations.cluster.join = async () => renames('home')
    const joined = await run('join', '--in', 'default', 'althing-ticket-AAAA')
    assert.equal(joined.code, 0, joined.stderr)
    status.operations.cluster.found = async () => renames('lab')
    const founded = await run('init', 'lab', '--in', 'home', '--admins', PEER_B, '--recovery', PEER_B)
    assert.equal(founded.code, 0, founded.stderr)
  })

  it('status: the link to the page of the cluster that is meant, with the token of the daemon', async () => {
    writeFileSync(join(status.dir, 'api-token'), `${TOKEN}\n`)
    works.dataDir = join(status.dir, 'clusters', 'works')
    works.pageUrl = status.operations.pageUrl
    const linkOf = async (...words: string[]) => /^page +(.*)$/m.exec((await run('status', ...words)).stdout)?.[1]
    const link = `${status.operations.pageUrl!}#token=${TOKEN}`
    assert.equal(await linkOf(), link)
    assert.equal(await linkOf('--in', 'home'), link)
    assert.equal(await linkOf('--in', 'works'), `${link}&/clusters/works/`)
    rmSync(join(status.dir, 'api-token'))
    assert.equal(await linkOf('--in', 'works'), `${status.operations.pageUrl!}#/clusters/works/`)
  })

  describe('run', () => {
    beforeEach(() => {
      const { operations } = status
      // Of several the job goes to the one that was named last.
      const submit = operations.submit.bind(operations)
      operations.submit = (request, tenant) => {
        const cluster = request.clusters?.at(-1)
        return cluster === undefined ? submit(request, tenant) : { ...works.submit(request), cluster }
      }
    })
    const cells = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { cluster?: string })

    it('advises commands about the cluster that was named, or was chosen of several', async () => {
      const words = ['--detach', '--output', 'x', '--', 'true']
      for (const where of ['works', 'home,works']) {
        const { stderr, stdout } = await run('run', '--in', where, ...words)
        assert.match(stderr, new RegExp(`: \`althing output --in works ${stdout.trim()} x\`$`, 'm'))
      }
      assert.match((await run('run', ...words)).stderr, /: `althing output j1-0 x`$/m)
      works.script = () => ({
        end: { state: 'failed', exit: UNPLACED },
      })
      assert.match((await run('run', '--in', 'home,works', '--', 'true')).stderr, /`althing why --in works j3-0`/)
      assert.match((await run('wait', '--in', 'works', 'j3-0')).stderr, /`althing why --in works j3-0`/)
      works.script = undefined
      await run('run', '--in', 'works', '--detach', '--', 'true')
      assert.match((await run('output', '--in', 'works', 'j4-0')).stderr, /fix: `althing wait --in works j4-0` first/)
    })

    it('says which of several it is in, to people and programs, but not where there was no choice', async () => {
      assert.equal((await run('run', '--in', 'home,works', '--', 'true')).stderr, 'althing: placed in cluster works\n')
      assert.equal((await run('run', '--in', 'works', '--', 'true')).stderr, '')
      const task = await run('run', '--json', '--in', 'home,works', '--', 'true')
      assert.deepEqual(
        cells(task.stdout).map(({ cluster }) => cluster),
        ['works'],
      )
      for (const where of ['works', 'home,works']) {
        const { stdout } = await run('run', '--json', '--detach', '--in', where, '--', 'true')
        assert.equal((JSON.parse(stdout) as { cluster?: string }).cluster, 'works')
      }
      assert.ok(!(await run('run', '--json', '--', 'true')).stdout.includes('"cluster"'))
    })

    it('names the cluster to whoever leaves before the tasks have ended', async () => {
      works.script = undefined
      const { child, done } = startCli(['run', '--in', 'works', '--', 'true'], { socketPath: status.socketPath })
      await until('followed', () => works.logReaders === 1)
      const cancelled = once(works.changes, 'cancel')
      child.kill('SIGINT')
      await cancelled
      child.kill('SIGINT')
      assert.match((await done).stderr, /left; task j1-0 may go on: see `althing ps --in works`/)
    })
  })

  it('refuses another name for a cluster that is not beside the first', async () => {
    for (const words of [
      ['join', '--as', 'other', 'althing-ticket-AAAA'],
      ['init', 'lab', '--as', 'other', '--admins', PEER_B, '--recovery', PEER_B],
    ]) {
      const { code, stderr } = await run(...words)
      assert.equal(code, 2, stderr)
      assert.match(stderr, /--as says nothing without --beside/)
    }
    assert.deepEqual(status.operations.cluster.founded, [])
  })
})
