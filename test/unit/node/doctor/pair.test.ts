/** The walk over a link that a relay carries, which no network of this test's is needed for: the peer is told. */
import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../../src/mesh/step.ts'
import type { DoctorStep } from '../../../../src/model/doctor.ts'
import type { DaemonParts } from '../../../../src/node/daemon-state.ts'
import { examinePair } from '../../../../src/node/doctor/pair.ts'
import type { LinkInfo } from '../../../../src/peer/peer.ts'
import { manualClock } from '../../../../src/util/clock.ts'
import { seededRng } from '../../../../src/util/rng.ts'
import { createSigner } from '../../../../src/wire/envelope.ts'
import { RECORD_BODIES } from '../../../fuzz/inputs.ts'

const NOW = 1_700_000_000_000
const self = createSigner(new Uint8Array(32).fill(1))
const barn = createSigner(new Uint8Array(32).fill(2))
const RELAY = createSigner(new Uint8Array(32).fill(3)).id
const relayedAddress = `/ip4/10.0.0.9/tcp/4100/p2p/${RELAY}/p2p-circuit/p2p/${barn.id}`
const overRelay: LinkInfo = { address: relayedAddress, direction: 'outbound', relay: RELAY }

/** A daemon that is linked to the barn, or becomes so when it dials it again. */
function daemonWith(link: LinkInfo | undefined, afterRedial = link): DaemonParts & { redials: number } {
  const clock = manualClock(NOW)
  const config = { ...DEFAULT_MESH, cluster: 'home' }
  const mesh = createMesh(self.id, config, {
    labels: {},
    capacity: { cpuMilli: 0, memoryBytes: 0 },
    drivers: [],
    trusted: new Set(),
    open: false,
    holdsCpuLimit: true,
    holdsMemoryLimit: true,
  })
  const beat = { kind: 'heartbeat', name: '', epoch: 1, seq: 1, hlc: NOW, ttlMs: 60_000 }
  const record = barn.seal({ ...beat, body: RECORD_BODIES.heartbeat[0] })
  meshStep(mesh, { type: 'record', record, ageMs: 0, statedAgeMs: 0 }, NOW, { config, rng: seededRng(1) })
  let standing = link
  const exchange = { askedMs: NOW, receivedMs: NOW, answeredMs: NOW, heardMs: NOW }
  const answer = { nonce: 1, receivedMs: NOW, sentMs: NOW, mdns: true, heartbeatAgeMs: 5, linksLeftOut: 0 }
  const parts = {
    redials: 0,
    mesh,
    clock,
    cluster: 'home',
    version: '1',
    options: { mdns: false },
    peer: {
      peers: () => [barn.id],
      link: () => standing,
      remoteHost: () => undefined,
      addressesOf: () => [relayedAddress],
      redial: async () => {
        parts.redials++
        standing = afterRedial
        return 'linked'
      },
    },
    inbound: { greetingOf: () => ({ cluster: 'home', version: '1', skewMs: 0 }) },
    examiner: { ask: async () => ({ answer, exchange, rttMs: 12 }) },
    probes: { port: 4100, examine: async () => ({ rttMs: undefined, sent: 0 }) },
  }
  return parts as unknown as DaemonParts & { redials: number }
}

async function walk(parts: DaemonParts): Promise<DoctorStep[]> {
  const steps: DoctorStep[] = []
  for await (const step of examinePair(parts, barn.id, new AbortController().signal)) steps.push(step)
  return steps
}

describe('node: the walk to a peer behind a relay', () => {
  it('names relay only, and nothing before it', async () => {
    const steps = await walk(daemonWith(overRelay))
    assert.deepEqual(
      steps.filter(({ outcome }) => outcome === 'broken').map(({ id }) => id),
      ['path'],
      JSON.stringify(steps),
    )
    assert.match(steps.find(({ id }) => id === 'path')!.found, new RegExp(`^relay only: all goes through ${RELAY}`))
    assert.equal(steps.find(({ id }) => id === 'probes')!.outcome, 'skipped')
  })

  it('tries the relay when no link stands and no address of its own takes connections', async () => {
    const parts = daemonWith(undefined, overRelay)
    const steps = await walk(parts)
    assert.equal(parts.redials, 1)
    assert.equal(steps.find(({ outcome }) => outcome === 'broken')?.id, 'path', JSON.stringify(steps))
  })

  it('finds nothing wrong with a direct link', async () => {
    const direct: LinkInfo = { address: '/ip4/10.0.0.5/tcp/4100', direction: 'inbound', relay: undefined }
    const steps = await walk(daemonWith(direct))
    assert.deepEqual(
      steps.filter(({ outcome }) => outcome === 'broken'),
      [],
    )
  })
})
