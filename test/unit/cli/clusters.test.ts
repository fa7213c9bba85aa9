/** Commands of a daemon that is in several clusters. */
import assert from 'node:assert/strict'
import { cli } from '../../support/cli.ts'
import { FakeOperations, PEER_B } from '../../support/fake-operations.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

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
