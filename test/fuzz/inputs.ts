/** Valid bodies, records and frames of every kind, for mutation. */
import { PLAIN, SIGNED, type MessageType } from '../../src/model/control.ts'
import { createSigner, type VerifiedRecord } from '../../src/wire/envelope.ts'
import { encodeFrame } from '../../src/wire/frames.ts'

export const NOW_MS = 1_790_000_000_000
export const EPOCH = 1_790_000_000

const signers = [3, 4].map((fill) => createSigner(new Uint8Array(32).fill(fill)))
/** Peer id of the first author of `recordsOf`. */
export const AUTHOR = signers[0]!.id

const RESOURCES = { cpuMilli: 100, memoryBytes: 67_108_864 }
const REFS = [
  { taskId: 'k3j2-0', attempt: 1 },
  { taskId: 'k3j2-1', attempt: 2 },
]
const SHA256 = '0123456789abcdef'.repeat(4)
const EXIT = { exitCode: 143, signal: 'SIGTERM', killedFor: 'timeout', startedAtMs: 1, endedAtMs: 2 }
const OUTPUT = { exitCode: 0, outputSha256: SHA256, outputBytes: 5, logTruncated: true, startedAtMs: 1, endedAtMs: 2 }

/** A task spec with every field set. */
export const SPEC = {
  name: 'render',
  driver: 'process',
  command: ['sh', '-c', 'true'],
  env: { A: 'b', _PATH: '/bin' },
  resources: RESOURCES,
  limits: { cpuMilli: 200, memoryBytes: 2 ** 28 },
  timeoutMs: 1000,
  graceMs: 10,
  input: { sha256: SHA256, sizeBytes: 10_240 },
  output: false,
  selector: 'zone in (attic,cellar),!retired',
  spread: { over: 'zone', maxSkew: 2 },
  retries: 2,
  logCapBytes: 1024,
}

const HEARTBEAT = {
  state: 'ready',
  incarnation: 0,
  intervalMs: 10_000,
  uptimeMs: 123_456,
  cpuRatio: 0.25,
  memoryAvailableBytes: 2 ** 33,
  free: { cpuMilli: 1500, memoryBytes: 2 ** 30 },
  tasks: 3,
  passport: { epoch: EPOCH, seq: 4 },
  coordinate: { at: [75_975, -152_693, 217_856, -1], height: 250, adjustment: -1_250, error: 120 },
  audit: { size: 12_345, root: new Uint8Array(32).fill(0xcd) },
}

const SERVICE = {
  apiVersion: 'althing.dev/v1',
  kind: 'NodePassport',
  metadata: {
    name: 'writer-001',
    namespace: 'default',
    labels: { zone: 'attic', 'example.org/tier': 'web' },
    annotations: { description: 'Пишет статьи' },
  },
  spec: {
    type: 'agent',
    version: '1.0.0',
    capabilities: [{ name: 'write_article', input_schema: { topic: 'string', n: [1, -2, 0.5, null, true] } }],
    communication: { queue: { in: 'articles', prefetch: 3 } },
  },
}

const MACHINE = {
  ...SERVICE,
  metadata: { name: 'host-1', namespace: 'default', labels: {}, annotations: {} },
  spec: {
    type: 'machine',
    version: '0.1.0',
    capabilities: [],
    node: {
      peerId: AUTHOR,
      hardware: {
        cpu: {
          model: 'Ryzen',
          vendor: 'AMD',
          architecture: 'x86_64',
          physicalCores: 4,
          logicalCores: 8,
          features: ['AVX2'],
          maxMHz: 4200,
        },
        memory: { totalBytes: 2 ** 34, limitBytes: 2 ** 33 },
        os: { platform: 'linux', distribution: 'debian', version: '13', kernel: '6', arch: 'amd64', hostname: 'h' },
        disks: [{ name: 'sda', sizeBytes: 2 ** 39, rotational: false, mount: '/', freeBytes: 2 ** 38 }],
        interfaces: [{ name: 'eth0', mac: '02:00:00:00:00:01', addresses: ['10.0.0.4', 'fd00::4'], speedMbps: 1000 }],
      },
      capacity: RESOURCES,
      drivers: ['process'],
      addresses: ['/ip4/10.0.0.4/tcp/4001'],
      version: '0.1.0',
      enforcement: { cpu: 'cgroup-v2', memory: 'watched' },
    },
  },
}

const HASH = new Uint8Array(32).fill(0xab)

/** Bodies of the records that gossip spreads. */
export const RECORD_BODIES = {
  heartbeat: [HEARTBEAT],
  passport: [SERVICE, MACHINE],
  testimony: [{ subject: AUTHOR, epoch: EPOCH, incarnation: 3, seq: 9, says: 'silent', loss: 0.25 }],
  digest: [
    {
      ...{
        members: 256,
        ready: 250,
        free: RESOURCES,
        largest: RESOURCES,
        drivers: ['process'],
        zones: [['attic', 12]],
      },
      names: new Uint8Array(512).fill(0x11),
      contacts: [{ peerId: AUTHOR, addresses: ['/ip4/10.0.0.1/tcp/4100'] }],
      intervalMs: 80_000,
    },
  ],
} as const

/** At least one body of every message there is. */
export const MESSAGE_BODIES: Readonly<Record<MessageType, readonly unknown[]>> = {
  'gov-head': [{ height: 3, digest: SHA256 }],
  'gov-list': [
    {
      locator: [
        [3, SHA256],
        [0, SHA256],
      ],
      others: new Uint8Array(16).fill(7),
      answer: false,
    },
  ],
  'gov-give': [{ statements: [new Uint8Array(200).fill(1), new Uint8Array(300).fill(2)], more: true }],
  'gov-offers': [{ known: [[SHA256, '0123456789abcdef']], answer: true }],
  'gov-proposal': [{ entry: new Uint8Array(300).fill(1), refusals: [new Uint8Array(200).fill(2)] }],
  offer: [{ offerId: 'k3j2-a1b2c3d4', jobId: 'k3j2', slots: 3, spec: SPEC }],
  bid: [
    {
      offerId: 'k3j2-a1b2c3d4',
      bidId: 'b1',
      slots: 2,
      holdMs: 5000,
      terms: { freeAfter: RESOURCES, capacity: RESOURCES, cpuRatio: 0.5, running: 1, warm: false, startEtaMs: 7 },
    },
  ],
  decline: [
    {
      offerId: 'k3j2-a1b2c3d4',
      reasons: [{ constraint: 'cpu', wanted: '4 CPU', measured: '2 CPU', temporary: true }],
      wouldFit: RESOURCES,
    },
  ],
  award: [{ offerId: 'k3j2-a1b2c3d4', bidId: 'b1', grants: REFS, leaseMs: 30_000 }],
  contract: [{ bidId: 'b1', accepted: REFS, refused: [{ taskId: 'k3j2-2', attempt: 1, reason: 'expired' }] }],
  hello: [
    { cluster: 'home', version: '0.1.0', epoch: EPOCH, wallMs: NOW_MS },
    {
      cluster: 'home',
      version: '0.1.0',
      epoch: EPOCH,
      wallMs: NOW_MS,
      probe: { port: 4100, key: new Uint8Array(32).fill(9) },
      governance: { height: 3, digest: SHA256 },
    },
  ],
  ping: [{ nonce: 7 }, { nonce: 2 ** 32 - 1, suspects: { epoch: EPOCH, incarnation: 3 } }],
  pong: [{ nonce: 7 }],
  ask: [{ nonce: 7, subject: AUTHOR }],
  asked: [{ nonce: 7, subject: AUTHOR }],
  examine: [{ nonce: 7, links: true }],
  examined: [
    { nonce: 7, receivedMs: NOW_MS, sentMs: NOW_MS, mdns: true, linksLeftOut: 0 },
    {
      nonce: 7,
      receivedMs: NOW_MS,
      sentMs: NOW_MS + 1,
      mdns: false,
      heartbeatAgeMs: 12,
      datagramAgeMs: 3,
      links: [
        { peer: AUTHOR, way: 'direct', rttUs: 250 },
        { peer: AUTHOR, way: 'none' },
      ],
      linksLeftOut: 4,
    },
  ],
  operate: [
    { nonce: 7, operation: { name: 'cordon', reason: 'kernel update' }, dryRun: false },
    { nonce: 8, operation: { name: 'uncordon' }, dryRun: false },
    { nonce: 2 ** 32 - 1, operation: { name: 'drain', reason: 'new disk', deadlineMs: 600_000 }, dryRun: true },
  ],
  operated: [
    { nonce: 7, refusals: [{ wanted: 'rule only-ann', saw: 'operator.owner = "oli"' }], tasks: [], leftOut: 0 },
    {
      nonce: 8,
      refusals: [],
      cordon: { state: 'draining', by: "ann's laptop", reason: 'new disk' },
      tasks: [{ ...REFS[0], submitter: AUTHOR, startedAtMs: 1 }],
      leftOut: 3,
    },
  ],
  'spare-link': [{}],
  'audit-ask': [
    { nonce: 7, want: { type: 'consistency', sizes: [3, 9, 12] } },
    { nonce: 7, want: { type: 'story', taskId: 'k3j2' } },
    { nonce: 2 ** 32 - 1, want: { type: 'seen' } },
  ],
  'audit-told': [
    { nonce: 7, told: { type: 'consistency', paths: [[HASH, HASH], null, []] } },
    {
      nonce: 7,
      told: {
        type: 'story',
        head: new Uint8Array(200).fill(4),
        events: [{ position: 12, event: new Uint8Array(90).fill(5), path: [HASH] }],
        more: false,
      },
    },
    { nonce: 7, told: { type: 'seen', heads: [] } },
    { nonce: 7, told: { type: 'seen', heads: [new Uint8Array(400).fill(6), new Uint8Array(40)] } },
  ],
  release: [{ bidId: 'b1' }],
  renew: [{ attempts: REFS, leaseMs: 30_000 }],
  renewed: [{ unknown: REFS }],
  report: [
    { reports: [{ ...REFS[0], phase: 'started', startedAtMs: 1 }] },
    {
      reports: [
        { ...REFS[0], phase: 'ended', exit: EXIT, slotKept: true },
        { ...REFS[1], phase: 'ended', exit: OUTPUT },
      ],
    },
  ],
  settle: [{ attempts: REFS }],
  cancel: [{ attempts: REFS, why: 'cancelled' }],
  capacity: [{ free: RESOURCES }],
  'sync-buckets': [{ sums: new Uint8Array(2048).fill(0x5a) }],
  'sync-digest': [
    { scope: [1, 2], more: false, authors: [[AUTHOR, [['passport', 'default/a', 1, 2, '0123456789abcdef']]]] },
    { scope: 'all', more: true, authors: [] },
    { scope: [255, 0], more: false, authors: [], part: 1_800_000_000_001 },
  ],
  'sync-records': [
    {
      records: [{ bytes: new Uint8Array(40).fill(7), ageMs: 12 }],
      wants: [[AUTHOR, 'passport', 'default/a']],
      more: true,
    },
    { records: [], wants: [], more: false, part: 1_800_000_000_001 },
  ],
  'ward-here': [{ ward: 'attic/01' }, { ward: '/' }],
  'ward-ask': [
    { nonce: 7, want: { digestsFor: 'attic' } },
    {
      nonce: 8,
      want: {
        nodes: {
          ...{ ward: '_/01', name: 'host', capability: 'write', selector: 'a=b', free: RESOURCES },
          ...{ driver: 'process', most: 8 },
        },
      },
    },
  ],
  'ward-told': [
    { nonce: 7, records: [{ bytes: new Uint8Array(40).fill(7), ageMs: 12 }], left: 3, moved: false },
    { nonce: 8, records: [], left: 0, moved: true },
  ],
}

/** Two authors' records of a kind. */
export function recordsOf(kind: string): VerifiedRecord[] {
  const bodies: Readonly<Record<string, readonly unknown[]>> = { ...MESSAGE_BODIES, ...RECORD_BODIES }
  return signers.map(({ seal }, i) =>
    seal({
      kind,
      name: kind === 'heartbeat' ? '' : `default/r${i}`,
      epoch: EPOCH,
      seq: 24 + i,
      hlc: NOW_MS,
      ttlMs: 60_000,
      body: bodies[kind]![0],
    }),
  )
}

export const NEGOTIATION_KINDS = Object.keys(SIGNED) as readonly (keyof typeof SIGNED)[]

/** Frames of the control stream, signed and plain. The signed ones come from two authors. */
export function frames(): Uint8Array[] {
  const plain = (Object.keys(PLAIN) as (keyof typeof PLAIN)[]).flatMap((t) =>
    MESSAGE_BODIES[t].map((b) => ({ t, b: t === 'sync-records' ? { ...(b as object), records: someRecords() } : b })),
  )
  const signed = NEGOTIATION_KINDS.flatMap((kind) => recordsOf(kind).map(({ bytes }) => ({ t: kind, e: bytes })))
  return [...plain, ...signed].map((message) => encodeFrame(message))
}

function someRecords(): { bytes: Uint8Array; ageMs: number }[] {
  return recordsOf('heartbeat').map(({ bytes }) => ({ bytes, ageMs: 12 }))
}
