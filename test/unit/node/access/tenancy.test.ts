import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh } from '../../../../src/mesh/step.ts'
import type { MeshEvent, StatusView, TaskView } from '../../../../src/model/api.ts'
import { tenantOperations } from '../../../../src/node/access/tenancy.ts'
import type { DaemonParts } from '../../../../src/node/daemon-state.ts'
import { EventHub } from '../../../../src/node/events.ts'
import { OperationError, type Operations } from '../../../../src/node/operations.ts'
import { findTask } from '../../../../src/node/task-list.ts'
import { jobDoc, runIdOf } from '../../../../src/negotiation/state.ts'
import type { Job } from '../../../../src/negotiation/types.ts'
import { spec, Table } from '../../../support/negotiation-table.ts'
import { FakeOperations } from '../../../support/fake-operations.ts'

/** Jobs of two tenants and of the host, on a node that also knows a task of another submitter. */
function setUp() {
  const local = { labels: {}, capacity: { cpuMilli: 1_000, memoryBytes: 1 }, drivers: [] }
  const limits = { holdsCpuLimit: false, holdsMemoryLimit: false }
  const mesh = createMesh('me', DEFAULT_MESH, { ...local, ...limits, trusted: new Set(), open: false })
  const add = (jobId: string, taskIds: string[], tenant?: string): void => {
    const job = { jobId, spec: spec(), taskIds, submittedAtMs: 1, placeByMs: 2, queue: [], grantable: new Map() }
    const rest = { reofferMs: 1, offeredMs: 1, hopes: new Set<string>(), unwilling: new Set<string>(), story: [] }
    mesh.negotiation.jobs.set(jobId, { ...job, ...rest, storyDropped: 0, ...(tenant && { tenant }) })
    for (const taskId of taskIds) {
      const task = { taskId, jobId, state: 'queued' as const, queuedAtMs: 1, attempts: [], cancelRequested: false }
      mesh.negotiation.tasks.set(taskId, { ...task, retries: 0 })
    }
  }
  add('aaa1', ['aaa1-0', 'aaa1-1'], 'team-a')
  add('aaa2', ['aaa2'], 'team-b')
  add('aaa3', ['aaa3'])
  const events = new EventHub(0)
  const parts = { mesh, events, clock: { nowMs: () => 1 }, keptRuns: { list: () => [] } } as unknown as DaemonParts
  const asked: string[] = []
  // Each operation of the whole says what it was asked, and answers of everybody.
  const all = new Proxy({} as Operations, {
    get: (_target, name: string) => {
      if (name === 'tasks') return () => [...mesh.negotiation.tasks.keys()].map((id) => findTask(parts, id).view)
      if (name === 'task') return (id: string) => findTask(parts, id).view
      if (name === 'status') return () => ({ tasks: { queued: 4 } }) as StatusView
      if (name === 'subscribe') return (since: number, listener: () => void) => events.subscribe(since, listener)
      return (...args: unknown[]) =>
        void asked.push(`${name} ${args.filter((arg) => typeof arg !== 'object').join(' ')}`)
    },
  })
  return { parts, mesh, events, asked, all, of: (tenant: string) => tenantOperations(parts, all, tenant) }
}

const code = (expected: string) => (error: unknown) => error instanceof OperationError && error.code === expected
const ids = (tasks: readonly TaskView[]) => tasks.map(({ taskId }) => taskId).toSorted()
const never = new AbortController().signal

describe('what a tenant sees', () => {
  it('of tasks: its own, in lists, by id, by a beginning that others share, and in counts', () => {
    const { of } = setUp()
    assert.deepEqual(ids(of('team-a').tasks({ all: true })), ['aaa1-0', 'aaa1-1'])
    assert.deepEqual(ids(of('team-b').tasks({ all: true })), ['aaa2'])
    assert.deepEqual(ids(of('team-c').tasks({ all: true })), [])
    assert.equal(of('team-b').task('aaa').taskId, 'aaa2')
    assert.equal(of('team-a').status().tasks.queued, 2)
    assert.equal(of('team-c').status().tasks.queued, 0)
    assert.throws(
      () => of('team-a').task('aaa'),
      (error) => code('conflict')(error) && !/aaa[23]/.test(String(error)),
    )
  })

  it('of a task of others exactly what it would be told of none, whatever it asks', async () => {
    const { of, asked } = setUp()
    const b = of('team-b')
    const query = { follow: false, stream: 'both', signal: never } as const
    const questions: ((id: string) => unknown)[] = [
      (id) => b.task(id),
      (id) => b.waitTask(id, never),
      (id) => b.why(id),
      (id) => b.whyJob(id),
      (id) => b.cancel(id),
      (id) => b.logs(id, query),
      (id) => b.output(id),
      (id) => b.explainPolicy(id),
      (id) => b.auditStory(id, never),
    ]
    for (const question of questions) {
      const messageOf = async (id: string): Promise<string> => {
        const thrown: unknown = await Promise.resolve()
          .then(() => question(id))
          .then(
            () => assert.fail(`${String(question)} of ${id} was answered`),
            (error: unknown) => error,
          )
        assert.ok(code('not-found')(thrown), String(thrown))
        return (thrown as Error).message.replace(id, 'ID')
      }
      const none = await messageOf('zzz')
      for (const id of ['aaa1-0', 'aaa1', 'aaa3']) assert.equal(await messageOf(id), none)
    }
    assert.deepEqual(asked, [])
    b.why('aaa2')
    b.cancel('aa')
    assert.deepEqual(asked, ['why aaa2', 'cancel aaa2'])
    const job = { jobId: 'aaa2', story: [], storyDropped: 0 }
    assert.deepEqual(b.whyJob('aaa2'), { ...job, tasks: [{ taskId: 'aaa2', state: 'queued', attempts: [] }] })
  })

  it('of events: nodes, and its own work; also of those kept for who comes back', () => {
    const { events, of, mesh } = setUp()
    const all: Omit<MeshEvent, 'id'>[] = [
      { atMs: 1, type: 'node', subject: 'p1', what: 'ready' },
      { atMs: 1, type: 'task', subject: 'aaa1-0', what: 'running' },
      { atMs: 1, type: 'task', subject: 'aaa2', what: 'running' },
      { atMs: 1, type: 'task', subject: 'aaa3', what: 'running' },
      { atMs: 1, type: 'job', subject: 'aaa1', what: 'settled' },
      { atMs: 1, type: 'contract', subject: runIdOf(mesh.self, 'aaa1-1', 1), what: 'running' },
      // Another submitter may give its task any id.
      { atMs: 1, type: 'contract', subject: runIdOf('other', 'aaa1-1', 1), what: 'running' },
      { atMs: 1, type: 'task', subject: 'gone', what: 'succeeded' },
      { atMs: 1, type: 'trust', subject: 'p1', what: 'added' },
      { atMs: 1, type: 'policy', subject: 'house', what: 'applied' },
      { atMs: 1, type: 'governance', subject: 'p1', what: 'revoked' },
    ]
    const live: string[] = []
    of('team-a').subscribe(undefined, ({ type, subject }) => live.push(`${type} ${subject}`))
    for (const event of all) events.emit(event)
    const own = ['node p1', 'task aaa1-0', 'job aaa1', `contract ${runIdOf(mesh.self, 'aaa1-1', 1)}`]
    assert.deepEqual(live, own)
    const kept: string[] = []
    of('team-a').subscribe(0, ({ type, subject }) => kept.push(`${type} ${subject}`))
    assert.deepEqual(kept, own)
  })

  it('of the audit log: events of its own tasks and jobs', async () => {
    const { parts } = setUp()
    const whole = new FakeOperations()
    const event = (position: number, subject: object) => ({
      position,
      event: { type: 'task.ended', atMs: 1, state: 'succeeded', exitCode: 0, ...subject } as never,
    })
    whole.audited = [
      event(0, { taskId: 'aaa1-0' }),
      event(1, { taskId: 'aaa2' }),
      event(2, { jobId: 'aaa1' }),
      event(3, {}),
    ]
    const a = tenantOperations(parts, whole, 'team-a')
    const page = await a.auditPage({ limit: 10 })
    assert.deepEqual(
      page.entries.map(({ position }) => position),
      [2, 0],
    )
    assert.equal((await a.auditEvent(0)).position, 0)
    for (const position of [1, 3]) await assert.rejects(a.auditEvent(position), code('not-found'))
  })

  it('of other clusters of the daemon: the same as of this one, and of how busy they are nothing', () => {
    const { parts } = setUp()
    const whole = new FakeOperations()
    const works = new FakeOperations()
    whole.beside.set('works', works)
    const a = tenantOperations(parts, whole, 'team-a')
    const asked: string[] = []
    works.ofTenant = (tenant) => (asked.push(tenant), works)
    assert.equal(a.within('works'), works)
    assert.deepEqual(asked, ['team-a'])
    assert.throws(() => a.within('nowhere'), code('not-found'))
    whole.clusters = () => [{ name: 'home', first: true, running: 7 }]
    assert.deepEqual(a.clusters(), [{ name: 'home', first: true }])
  })

  it('of what concerns the host: nothing', () => {
    const { of, asked } = setUp()
    const a = of('team-a')
    const refused: (() => unknown)[] = [
      ...[() => a.tokens, () => a.cluster, () => a.ofTenant('team-b'), () => a.trust(), () => a.metrics()],
      ...[() => a.policy('node'), () => a.policyHistory('node'), () => a.shutdown(), () => a.exportAudit(undefined)],
      ...[() => a.addTrust('p'), () => a.removeTrust('p'), () => a.applyPolicy('', '', ''), () => a.removePolicy('')],
      ...[() => a.tryPolicy('', '', 'node'), () => a.applyPassports('', ''), () => a.examine(undefined, never)],
      ...[() => a.reachability(never), () => a.verifyAudit(never), () => a.acceptAudit('p')],
    ]
    for (const ask of refused) assert.throws(ask, code('not-found'), String(ask))
    assert.deepEqual(asked, [])
  })

  it('what it submits is its own, on the disk too', () => {
    const table = new Table(['me'], {})
    const job = { jobId: 'job', spec: spec(), count: 1, placeTimeoutMs: 60_000 }
    table.input('me', { type: 'submit', ...job, tenant: 'team-a' })
    table.input('me', { type: 'submit', ...job, jobId: 'second' })
    const { jobs } = table.seat('me').state
    assert.equal(jobs.get('job')!.tenant, 'team-a')
    assert.equal((jobDoc(jobs.get('job')!) as Job).tenant, 'team-a')
    assert.ok(!('tenant' in (jobDoc(jobs.get('second')!) as Job)))
    assert.ok(!JSON.stringify(table.messages).includes('team-a'), 'no other node is told')
    table.crash('me')
    table.restart('me')
    assert.equal(table.seat('me').state.jobs.get('job')!.tenant, 'team-a')
  })
})
