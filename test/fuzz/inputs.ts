/** Valid records and frames of every kind, for mutation. */
import type { Heartbeat } from '../../src/model/heartbeat.ts'
import { createSigner, type VerifiedRecord } from '../../src/wire/envelope.ts'
import { encodeFrame } from '../../src/wire/frames.ts'

export const NOW_MS = 1_790_000_000_000

const signers = [3, 4].map((fill) => createSigner(new Uint8Array(32).fill(fill)))

const HEARTBEAT: Heartbeat = {
  state: 'ready',
  intervalMs: 10_000,
  uptimeMs: 123_456,
  cpuRatio: 0.25,
  memoryAvailableBytes: 2 ** 33,
  free: { cpuMilli: 1500, memoryBytes: 2 ** 30 },
  tasks: 3,
  passport: { epoch: 1_790_000_000, seq: 4 },
}
const PASSPORT = {
  apiVersion: 'althing.dev/v1',
  kind: 'NodePassport',
  metadata: {
    name: 'writer-001',
    namespace: 'default',
    labels: { zone: 'attic' },
    annotations: { description: 'Пишет статьи' },
  },
  spec: {
    type: 'agent',
    version: '1.0.0',
    capabilities: [{ name: 'write_article', input_schema: { topic: 'string', n: [1, -2, 0.5, null, true] } }],
  },
}
const REFS = [
  { taskId: 'k3j2.0', attempt: 1 },
  { taskId: 'k3j2.1', attempt: 2 },
]
const RESOURCES = { cpuMilli: 100, memoryBytes: 67_108_864 }
const BODIES: Record<string, unknown> = {
  heartbeat: HEARTBEAT,
  passport: PASSPORT,
  offer: {
    offerId: 'o1',
    jobId: 'j1',
    slots: 3,
    spec: {
      driver: 'process',
      command: ['sh', '-c', 'true'],
      env: { A: 'b' },
      resources: RESOURCES,
      limits: {},
      timeoutMs: 1000,
      graceMs: 10,
      output: false,
      retries: 0,
      logCapBytes: 1024,
    },
  },
  bid: {
    offerId: 'o1',
    bidId: 'b1',
    slots: 2,
    holdMs: 5000,
    terms: { freeAfter: RESOURCES, capacity: RESOURCES, cpuRatio: 0.5, running: 1, warm: false, startEtaMs: 7 },
  },
  decline: {
    offerId: 'o1',
    reasons: [{ constraint: 'cpu', wanted: '4 CPU', measured: '2 CPU', temporary: true }],
    wouldFit: RESOURCES,
  },
  award: { offerId: 'o1', bidId: 'b1', grants: REFS, leaseMs: 30_000 },
  contract: { bidId: 'b1', accepted: REFS, refused: [{ taskId: 'k3j2.2', attempt: 1, reason: 'expired' }] },
}

/** Two authors' records of a kind. */
export function recordsOf(kind: string): VerifiedRecord[] {
  return signers.map(({ seal }, i) =>
    seal({
      kind,
      name: kind === 'heartbeat' ? '' : `default/r${i}`,
      epoch: 1_790_000_000,
      seq: 24 + i,
      hlc: NOW_MS,
      ttlMs: 60_000,
      body: BODIES[kind],
    }),
  )
}

export const NEGOTIATION_KINDS = ['offer', 'bid', 'decline', 'award', 'contract'] as const

/** Frames of the control stream, signed and plain. */
export function frames(): Uint8Array[] {
  const plain: [string, unknown][] = [
    ['hello', { cluster: 'home', version: '0.1.0', epoch: 1_790_000_000, wallMs: NOW_MS }],
    ['release', { bidId: 'b1' }],
    ['renew', { attempts: REFS, leaseMs: 30_000 }],
    [
      'report',
      {
        reports: [
          { taskId: 'k3j2.0', attempt: 1, phase: 'ended', exit: { exitCode: 0, startedAtMs: 1, endedAtMs: 2 } },
        ],
      },
    ],
    ['cancel', { attempts: REFS, why: 'cancelled' }],
    ['sync-buckets', { sums: new Uint8Array(2048).fill(0x5a) }],
    [
      'sync-digest',
      {
        scope: [1, 2],
        more: false,
        authors: [[signers[0]!.id, [['passport', 'default/a', 1, 2, '0123456789abcdef']]]],
      },
    ],
    [
      'sync-records',
      {
        records: recordsOf('heartbeat').map(({ bytes }) => ({ bytes, ageMs: 12 })),
        wants: [[signers[0]!.id, 'passport', 'default/a']],
        more: true,
      },
    ],
  ]
  const signed = NEGOTIATION_KINDS.flatMap((kind) => recordsOf(kind).map(({ bytes }) => ({ t: kind, e: bytes })))
  return [
    ...plain.map(([t, b]) => encodeFrame({ t, b } as { t: string })),
    ...signed.map((message) => encodeFrame(message)),
  ]
}
