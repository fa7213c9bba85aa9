/** Machines of a mesh, each a little different, as a seed makes them. */
import { DEFAULT_NEGOTIATION } from '../../src/negotiation/config.ts'
import type { MeshConfig } from '../../src/mesh/types.ts'
import type { Passport } from '../../src/model/passport.ts'
import type { Rng } from '../../src/util/rng.ts'
import type { Machine } from './node.ts'

const GIB = 1024 ** 3
export const ZONES = ['attic', 'cellar', 'garden'] as const

/** As shipped. */
const SHIPPED: MeshConfig = {
  cluster: 'sim',
  version: '0.1.0',
  beatMs: 10_000,
  leaseMs: 30_000,
  deadMs: 60_000,
  syncMs: 30_000,
  joinMs: 3_000,
  passportTtlMs: 3_600_000,
  negotiation: DEFAULT_NEGOTIATION,
  topology: {},
}

/**
 * With everything that concerns loss twice to three times as quick, and with so few places for holds and contracts
 * that submitters come upon their shares, so that a seed sees more of both.
 */
const QUICK: MeshConfig = {
  ...SHIPPED,
  beatMs: 5_000,
  leaseMs: 15_000,
  deadMs: 30_000,
  syncMs: 12_000,
  negotiation: { ...DEFAULT_NEGOTIATION, leaseMs: 12_000, lostAfterMs: 24_000, holds: 8, contracts: 24 },
}

/** The shipped configuration, or the quick one. */
export function configOf(quick: boolean): MeshConfig {
  return quick ? QUICK : SHIPPED
}

/** A mesh of machines. `idOf` names them. */
export function makeMachines(rng: Rng, count: number, idOf: (index: number) => string): Machine[] {
  const ids = Array.from({ length: count }, (_, index) => idOf(index))
  return ids.map((id, index) => {
    const capacity = { cpuMilli: 1_000 * (2 + rng.int(7)), memoryBytes: (2 + rng.int(15)) * GIB }
    const name = `host-${index}`
    const labels = { 'kubernetes.io/hostname': name, zone: rng.pick(ZONES), disk: rng.pick(['ssd', 'hdd']) }
    // Now and then a machine trusts only some; itself always.
    const open = rng.next() < 0.8
    const trusted = new Set([id, ...ids.filter(() => rng.next() < 0.5)])
    // One in four has no clock chip: only its stored epoch tells its boots apart.
    const clockless = rng.next() < 0.25
    return {
      id,
      local: { labels, capacity, drivers: ['process'], trusted, open, holdsCpuLimit: true, holdsMemoryLimit: true },
      passport: machinePassport(id, name, labels, capacity),
      bootSeconds: clockless ? () => 1_000 : (nowMs) => Math.floor(nowMs / 1_000),
    }
  })
}

function machinePassport(
  id: string,
  name: string,
  labels: Record<string, string>,
  capacity: Machine['local']['capacity'],
): Passport {
  const cores = capacity.cpuMilli / 1_000
  return {
    apiVersion: 'althing.dev/v1',
    kind: 'NodePassport',
    metadata: { name, namespace: 'default', labels, annotations: {} },
    spec: {
      type: 'machine',
      version: '1',
      capabilities: [],
      node: {
        peerId: id,
        hardware: {
          cpu: {
            model: 'sim',
            vendor: 'sim',
            architecture: 'x86_64',
            physicalCores: cores,
            logicalCores: cores,
            features: [],
          },
          memory: { totalBytes: capacity.memoryBytes },
          os: { platform: 'linux', distribution: 'sim', version: '1', kernel: '1', arch: 'amd64', hostname: name },
          disks: [],
          interfaces: [],
        },
        capacity,
        drivers: ['process'],
        addresses: [],
        version: '0.1.0',
        enforcement: { cpu: 'none', memory: 'none' },
      },
    },
  }
}

/** A passport of something that runs on a machine. */
export function servicePassport(name: string, revision: number): Passport {
  return {
    apiVersion: 'althing.dev/v1',
    kind: 'NodePassport',
    metadata: { name, namespace: 'default', labels: {}, annotations: { revision: String(revision) } },
    spec: { type: 'service', version: '1', capabilities: [{ name: 'write_article' }] },
  }
}
