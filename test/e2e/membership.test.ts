/**
 * Who is alive, found out by real daemons long before a lease runs out. The deadlines below are shorter than the lease
 * of 30 s, so that only the watchers can have found it out.
 */
import assert from 'node:assert/strict'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import { eventually, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { ask } from '../support/http.ts'

const LONG_BEFORE_THE_LEASE_MS = 15_000

async function get<T>(daemon: TestDaemon, path: string): Promise<T> {
  const { text } = await ask({ socketPath: daemon.socketPath, path, headers: { host: 'localhost' } })
  return JSON.parse(text) as T
}

/** What `daemon` holds of the node `peerId`. */
async function seenBy(daemon: TestDaemon, peerId: string): Promise<NodeView['state'] | undefined> {
  const all = await get<NodeView[]>(daemon, '/v1/nodes?all=true')
  return all.find((node) => node.peerId === peerId)?.state
}

describe('members that fall silent', function () {
  this.timeout(90_000)
  let daemons: TestDaemon[]

  beforeEach(async () => {
    const first = await startDaemon({ name: 'first', cluster: 'members' })
    const join = ['--join', first.status.addresses[0]!]
    const others = await Promise.all(
      ['second', 'third', 'fourth', 'fifth'].map((name) => startDaemon({ name, cluster: 'members', args: join })),
    )
    daemons = [first, ...others]
    for (const daemon of daemons) {
      await eventually('all to know all', async () => {
        const all = await get<NodeView[]>(daemon, '/v1/nodes')
        return all.length === daemons.length && all.every(({ state }) => state === 'ready')
      })
    }
  })
  afterEach(() => stopAll())

  async function allSee(observers: readonly TestDaemon[], peerId: string, state: NodeView['state']): Promise<void> {
    for (const observer of observers) {
      const what = `${observer.status.name} to see ${state}`
      await eventually(what, async () => (await seenBy(observer, peerId)) === state, LONG_BEFORE_THE_LEASE_MS)
    }
  }

  it('one killed is seen offline by all, and ready again when it is back', async () => {
    const victim = daemons.pop()!
    const { peerId } = victim.status
    await victim.kill()
    await allSee(daemons, peerId, 'offline')
    const again = await startDaemon({
      name: 'fifth',
      cluster: 'members',
      dataDir: victim.dataDir,
      args: ['--join', daemons[0]!.status.addresses[0]!],
    })
    await allSee([...daemons, again], peerId, 'ready')
  })

  it('one that hangs is seen offline by all, and refutes it when it goes on', async () => {
    const victim = daemons.pop()!
    const { peerId, pid } = victim.status
    process.kill(pid, 'SIGSTOP')
    await allSee(daemons, peerId, 'offline')
    process.kill(pid, 'SIGCONT')
    await allSee([...daemons, victim], peerId, 'ready')
    for (const daemon of daemons) assert.equal(await seenBy(victim, daemon.status.peerId), 'ready')
  })

  it('most of them: whoever is left holds itself to be cut off perhaps', async () => {
    const [left, ...others] = daemons
    for (const { status } of others) process.kill(status.pid, 'SIGSTOP')
    await eventually('the brake', async () => (await get<StatusView>(left!, '/v1/status')).cutOff, 30_000)
    for (const { status } of others) process.kill(status.pid, 'SIGCONT')
    await allSee(daemons, others[0]!.status.peerId, 'ready')
  })
})
