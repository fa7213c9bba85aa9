import assert from 'node:assert/strict'
import { createMesh } from '../../../src/mesh/step.ts'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { whyView } from '../../../src/node/story-view.ts'
import { contractView, submittedView } from '../../../src/node/views.ts'
import type { ContractState, Job, Task } from '../../../src/negotiation/types.ts'
import { spec } from '../../support/negotiation-table.ts'

const MIB = 1024 ** 2
const name = (peer: string) => `the node ${peer}`

function setting() {
  const local = { labels: {}, capacity: { cpuMilli: 1_000, memoryBytes: MIB }, drivers: [] }
  const limits = { holdsCpuLimit: false, holdsMemoryLimit: false }
  const mesh = createMesh('me', DEFAULT_MESH, { ...local, ...limits, trusted: new Set(), open: false })
  const withInput = spec({ input: { sha256: 'a'.repeat(64), sizeBytes: 120 * MIB } })
  const job: Job = {
    jobId: 'job',
    spec: withInput,
    taskIds: ['job'],
    submittedAtMs: 1,
    placeByMs: 2,
    queue: [],
    grantable: new Map(),
    reofferMs: 1,
    offeredMs: 1,
    hopes: new Set(),
    unwilling: new Set(),
    story: [],
    storyDropped: 0,
  }
  const attempt = { attempt: 1, node: 'far', offerId: 'job-1', bidId: 'b', awardedAtMs: 1 }
  const task: Task = {
    taskId: 'job',
    jobId: 'job',
    state: 'awarded',
    queuedAtMs: 1,
    attempts: [attempt],
    cancelRequested: false,
    retries: 0,
  }
  mesh.negotiation.jobs.set('job', job)
  return { mesh, job, task, withInput }
}

describe('views', () => {
  it('of a task whose input is on the way say how far it has come, and no longer than that', () => {
    const { mesh, task } = setting()
    assert.equal(submittedView(mesh, task, name).waiting, undefined, 'nothing was told yet')
    task.attempts[0]!.fetchedBytes = 34.5 * MIB
    assert.equal(submittedView(mesh, task, name).waiting, 'fetching its input, 34.5 MiB of 120 MiB')
    task.state = 'running'
    assert.equal(submittedView(mesh, task, name).waiting, undefined)
  })

  it('of a contract whose input is on the way say the same on its executor', () => {
    const { mesh, withInput } = setting()
    const contract: ContractState = {
      runId: 'tag.job.1',
      taskId: 'job',
      attempt: 1,
      submitter: 'far',
      bidId: 'b',
      spec: withInput,
      phase: 'accepted',
      acceptedAtMs: 1,
      leaseUntilMs: 2,
      fetchedBytes: MIB,
    }
    assert.equal(contractView(mesh, contract, name).waiting, 'fetching its input, 1 MiB of 120 MiB')
    contract.phase = 'running'
    assert.equal(contractView(mesh, contract, name).waiting, undefined)
  })

  it('of a story name the share rule as any other constraint', () => {
    const { job, task } = setting()
    const reason = { constraint: 'share', wanted: 'a hold', measured: 'it has 500', temporary: true } as const
    const wouldFit = { cpuMilli: 1, memoryBytes: 1 }
    const proof = new Uint8Array([1])
    job.story.push({ kind: 'declined', atMs: 1, offerId: 'o', node: 'far', reasons: [reason], wouldFit, proof })
    const [line] = whyView(job, task, name).story
    assert.ok(line?.kind === 'declined')
    assert.deepEqual(line.reasons, [reason])
  })
})
