/** What a hostile peer says: valid for the most part, so that only what is wrong with it can be refused. */
import { encode } from '@ipld/dag-cbor'
import type { RecordDraft } from '../../src/wire/envelope.ts'

type Draft = Pick<RecordDraft, 'kind' | 'name' | 'body'>

/** The spec of a task that does nothing. */
export const SPEC = {
  driver: 'process',
  command: ['true'],
  env: {},
  resources: { cpuMilli: 10, memoryBytes: 2 ** 20 },
  limits: {},
  timeoutMs: 60_000,
  graceMs: 1_000,
  output: false,
  retries: 0,
  logCapBytes: 1_024,
}

/** A message as task and bundle streams carry it. */
export function framed(message: unknown): Buffer {
  const body = encode(message)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length)
  return Buffer.concat([head, body])
}

/** A varint length, and the beginning of what it promises. */
export function promised(length: number, bytes: number): Buffer {
  const prefix = [(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14]
  return Buffer.concat([Buffer.from(prefix), Buffer.alloc(bytes, 0x81)])
}

/** A heartbeat that would be believed. */
export const HEARTBEAT = {
  kind: 'heartbeat',
  name: '',
  body: {
    state: 'ready',
    incarnation: 0,
    intervalMs: 60_000,
    uptimeMs: 1,
    cpuRatio: 0,
    memoryAvailableBytes: 2 ** 33,
    free: { cpuMilli: 1_000, memoryBytes: 2 ** 30 },
    tasks: 0,
    passport: { epoch: 1, seq: 1 },
  },
} as const

/** A passport but for its `spec`. */
export const passportOf = (name: string, labels = {}): object => ({
  apiVersion: 'althing.dev/v1',
  kind: 'NodePassport',
  metadata: { name, namespace: 'default', labels, annotations: {} },
})

/** A passport by which a peer counts as a machine that runs tasks. */
export function machineRecord(peerId: string, labels: Readonly<Record<string, string>>): Draft {
  const hardware = {
    cpu: { model: 'x', vendor: 'x', architecture: 'x86_64', physicalCores: 1, logicalCores: 1, features: [] },
    memory: { totalBytes: 2 ** 30 },
    os: { platform: 'linux', distribution: 'x', version: '1', kernel: '1', arch: 'amd64', hostname: 'x' },
    disks: [],
    interfaces: [],
  }
  const node = {
    peerId,
    hardware,
    capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 30 },
    drivers: ['process'],
    addresses: [],
    version: '0',
    enforcement: { cpu: 'none', memory: 'none' },
  }
  const spec = { type: 'machine', version: '0', capabilities: [], node }
  return { kind: 'passport', name: 'default/machine', body: { ...passportOf('machine', labels), spec } }
}
