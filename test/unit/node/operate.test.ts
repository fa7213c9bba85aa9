import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshInput } from '../../../src/mesh/types.ts'
import type { DaemonParts } from '../../../src/node/daemon-state.ts'
import { operate } from '../../../src/node/operate.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { seededRng } from '../../../src/util/rng.ts'

/** A daemon that knows nobody. `blockedBy`: why its disk takes nothing. */
function daemon(blockedBy?: string): DaemonParts {
  const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
  const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
  const mesh = createMesh('me', DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
  const env = { config: DEFAULT_MESH, rng: seededRng(1) }
  const loop = { blockedBy, input: (input: MeshInput) => meshStep(mesh, input, 1_000, env) }
  return { mesh, loop, clock: manualClock(1_000), name: 'attic' } as unknown as DaemonParts
}

const cordon = { name: 'cordon', reason: 'new disk' } as const

describe('node/operate', () => {
  it('does what is asked of this node, and tells how it stands then', async () => {
    const parts = daemon()
    const stands = { node: 'me', name: 'attic', tasks: [], leftOut: 0 }
    assert.deepEqual(await operate(parts, { operation: cordon, by: 'ann', dryRun: true }), stands)
    const view = { state: 'cordoned', by: 'ann', reason: 'new disk' }
    assert.deepEqual(await operate(parts, { operation: cordon, by: 'ann', dryRun: false }), { ...stands, cordon: view })
  })

  it('says that it could not be stored: a restart would forget it', async () => {
    const parts = daemon('no space left')
    await assert.rejects(operate(parts, { operation: cordon, by: 'ann', dryRun: false }), {
      code: 'full',
      message: 'cordon holds, and is not stored yet: no space left',
    })
    assert.equal(parts.mesh.negotiation.cordon?.by, 'ann')
  })

  it('knows no node that nobody knows', async () => {
    await assert.rejects(operate(daemon(), { operation: cordon, node: 'cellar', by: 'ann', dryRun: false }), {
      code: 'not-found',
    })
  })
})
