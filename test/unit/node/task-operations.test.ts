import assert from 'node:assert/strict'
import type { MeshInput } from '../../../src/mesh/types.ts'
import { JobRequest } from '../../../src/model/job-request.ts'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh } from '../../../src/mesh/step.ts'
import { NO_RESOURCES } from '../../../src/model/resources.ts'
import type { DaemonParts } from '../../../src/node/daemon-state.ts'
import { OperationError } from '../../../src/node/operations.ts'
import { Settings } from '../../../src/node/settings.ts'
import { submitJob } from '../../../src/node/task-operations.ts'
import { merge } from '../../../src/registry/registry.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { machine, signerOf, T0 } from '../registry/fixtures.ts'

const HERE = 'a'.repeat(64)

/** What is known of nodes. */
function meshOf(...names: string[]) {
  const { id } = signerOf('me')
  const local = { labels: {}, capacity: NO_RESOURCES, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh(id, DEFAULT_MESH, { ...local, holdsCpuLimit: false, holdsMemoryLimit: false })
  for (const name of names) merge(mesh.registry, machine(name), 0, T0)
  return mesh
}

/** A daemon that has one bundle of 120 bytes, as far as submitting goes. */
function daemon() {
  const inputs: MeshInput[] = []
  const jobs = new Map<string, { taskIds: string[] }>()
  const settings = new Settings(DEFAULT_MESH)
  const parts = {
    loop: {
      blockedBy: undefined,
      async submit(input: MeshInput) {
        inputs.push(input)
        if (input.type === 'submit') jobs.set(input.jobId, { taskIds: [input.jobId] })
      },
    },
    bundles: { sizeOf: (sha256: string) => (sha256 === HERE ? 120 : undefined) },
    rng: seededRng(1),
    mesh: { ...meshOf('attic', 'attic-2', 'cellar'), negotiation: { jobs } },
    clock: { nowMs: () => T0 },
    settings,
  } as unknown as DaemonParts
  const submit = (input: { sha256: string; sizeBytes: number }) =>
    submitJob(parts, JobRequest.parse({ spec: { command: ['true'], input } }))
  const submitSpec = (spec: object) => submitJob(parts, JobRequest.parse({ spec: { command: ['true'], ...spec } }))
  return { submit, submitSpec, inputs, settings }
}

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof OperationError &&
  error.code === 'invalid' &&
  message.test(error.message) &&
  (error.fix ?? '').includes('POST /v1/bundles')

describe('submitting a job', () => {
  it('takes an input that is here and has the size the spec says', async () => {
    const { submit, inputs } = daemon()
    assert.equal((await submit({ sha256: HERE, sizeBytes: 120 })).taskIds.length, 1)
    assert.equal(inputs.length, 1)
  })

  it('refuses an input of another size: no executor would take it', async () => {
    const { submit, inputs } = daemon()
    for (const sizeBytes of [0, 119, 121])
      await assert.rejects(submit({ sha256: HERE, sizeBytes }), refusal(/aaa… has 120 bytes; the spec says \d+$/))
    assert.equal(inputs.length, 0)
  })

  it('has what the settings say where it says nothing itself', async () => {
    const { submitSpec, inputs, settings } = daemon()
    const last = () => inputs.at(-1) as MeshInput & { type: 'submit' }
    await submitSpec({})
    assert.deepEqual([last().spec.timeoutMs, last().spec.logCapBytes, last().placeTimeoutMs], [864e5, 2 ** 24, 864e5])
    const decided = { 'task.timeout': '2h', 'task.log-cap': '1Mi', 'task.place-timeout': '5m' }
    settings.decide({ settings: decided, overridable: [] })
    await submitSpec({})
    assert.deepEqual([last().spec.timeoutMs, last().spec.logCapBytes, last().placeTimeoutMs], [72e5, 2 ** 20, 3e5])
    await submitSpec({ timeoutMs: 5, logCapBytes: 0 })
    assert.deepEqual([last().spec.timeoutMs, last().spec.logCapBytes], [5, 0])
  })

  it('takes the node that a task names for the one that is meant, and no other', async () => {
    const { submitSpec, inputs } = daemon()
    const { id } = signerOf('cellar')
    for (const node of ['cellar', 'cell', id, id.slice(-6)]) {
      await submitSpec({ node })
      const last = inputs.at(-1) as MeshInput & { type: 'submit' }
      assert.equal(last.spec.node, id, node)
    }
    const count = inputs.length
    for (const [node, code] of [
      ['atti', 'conflict'],
      ['nowhere', 'not-found'],
    ])
      await assert.rejects(submitSpec({ node }), { code })
    assert.equal(inputs.length, count)
  })

  it('refuses an input that is not here', async () => {
    const { submit, inputs } = daemon()
    await assert.rejects(submit({ sha256: 'b'.repeat(64), sizeBytes: 120 }), refusal(/bbb… is not on this node$/))
    assert.equal(inputs.length, 0)
  })
})
