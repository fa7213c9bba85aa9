/** Members with real keys, and the records they publish. Only what a test sets is what matters to it. */
import { createHash } from 'node:crypto'
import type { Heartbeat } from '../../../src/model/heartbeat.ts'
import { passportName, type Passport } from '../../../src/model/passport.ts'
import type { SyncDigest, SyncRecords } from '../../../src/model/sync.ts'
import {
  answerBuckets,
  answerDigest,
  createRegistry,
  digest,
  merge,
  nodes,
  supply,
  type Merged,
  type RegistryState,
} from '../../../src/registry/registry.ts'
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import { createSigner, openRecord, type Signer, type VerifiedRecord } from '../../../src/wire/envelope.ts'
import { GOSSIP_KINDS } from '../../../src/wire/limits.ts'

/** Where every test's clock starts. */
export const T0 = 1_790_000_000_000
export const EPOCH = 1_790_000_000

const signers = new Map<string, Signer>()

export function signerOf(name: string): Signer {
  let signer = signers.get(name)
  if (signer === undefined) {
    signer = createSigner(new Uint8Array(createHash('sha256').update(name).digest()))
    signers.set(name, signer)
  }
  return signer
}

export function registryOf(
  name: string,
  options: { leaseMs?: number; deadMs?: number; ownEpoch?: number } = {},
): RegistryState {
  return createRegistry({ selfId: signerOf(name).id, ownEpoch: EPOCH, ...options })
}

interface Numbering {
  readonly epoch?: number
  readonly seq?: number
  readonly ttlMs?: number
  readonly hlc?: number
}

export function passportBody(
  name: string,
  change: {
    labels?: Record<string, string>
    capabilities?: string[]
    machineOf?: string
    note?: string
  } = {},
): Passport {
  const { labels = {}, capabilities = [], machineOf, note } = change
  return {
    apiVersion: 'althing.dev/v1',
    kind: 'NodePassport',
    metadata: { name, namespace: 'default', labels, annotations: note === undefined ? {} : { note } },
    spec: {
      type: 'agent',
      version: '1',
      capabilities: capabilities.map((capability) => ({ name: capability })),
      ...(machineOf === undefined
        ? {}
        : {
            node: {
              peerId: machineOf,
              hardware: {
                cpu: {
                  model: 'Test CPU',
                  vendor: 'Intel',
                  architecture: 'x86_64',
                  physicalCores: 2,
                  logicalCores: 4,
                  features: ['AVX2'],
                },
                memory: { totalBytes: 8 * 2 ** 30 },
                os: {
                  platform: 'linux',
                  distribution: 'debian',
                  version: '13',
                  kernel: '6.12',
                  arch: 'amd64',
                  hostname: name,
                },
                disks: [],
                interfaces: [],
              },
              capacity: { cpuMilli: 4000, memoryBytes: 8 * 2 ** 30 },
              drivers: ['process'],
              addresses: ['/ip4/127.0.0.1/tcp/4100'],
              version: '0.1.0',
              enforcement: { cpu: 'none', memory: 'watched' },
            },
          }),
    },
  }
}

function sealed(author: string, kind: string, name: string, body: unknown, numbering: Numbering): VerifiedRecord {
  const { epoch = EPOCH, seq = 1, ttlMs = kind === 'heartbeat' ? 60_000 : 3_600_000, hlc = T0 } = numbering
  const record = signerOf(author).seal({ kind, name, epoch, seq, hlc, ttlMs, body })
  known.set(record.bytes, record)
  return record
}

/** Records by the bytes they were sealed into: checking ten thousand signatures again would only take time. */
const known = new WeakMap<Uint8Array, VerifiedRecord>()

/** The record in these bytes, as a member reads it that received them. */
export function opened(bytes: Uint8Array): VerifiedRecord {
  return known.get(bytes) ?? openRecord(bytes, { kinds: GOSSIP_KINDS, maxBytes: 8192, wallNowMs: T0 })
}

/** A service's passport by `author`. */
export function passport(
  author: string,
  name: string,
  options: Numbering & Parameters<typeof passportBody>[1] = {},
): VerifiedRecord {
  const body = passportBody(name, options)
  return sealed(author, 'passport', passportName(body), body, options)
}

/** The machine passport of `author`, named like it. */
export function machine(author: string, options: Numbering & Parameters<typeof passportBody>[1] = {}): VerifiedRecord {
  return passport(author, author, { machineOf: signerOf(author).id, ...options })
}

export function heartbeat(author: string, options: Numbering & Partial<Heartbeat> = {}): VerifiedRecord {
  const { epoch, seq, ttlMs, hlc, ...change } = options
  const body: Heartbeat = {
    state: 'ready',
    incarnation: 0,
    intervalMs: 10_000,
    uptimeMs: 1000,
    cpuRatio: 0.1,
    memoryAvailableBytes: 2 ** 30,
    free: { cpuMilli: 4000, memoryBytes: 2 ** 30 },
    tasks: 0,
    passport: { epoch: EPOCH, seq: 1 },
    ...change,
  }
  const numbering = Object.fromEntries(
    Object.entries({ epoch, seq, ttlMs, hlc }).filter(([, value]) => value !== undefined),
  )
  return sealed(author, 'heartbeat', '', body, numbering)
}

/** Any record by its own account, for authors who say what they should not. */
export function odd(
  author: string,
  kind: string,
  name: string,
  body: unknown,
  numbering: Numbering = {},
): VerifiedRecord {
  return sealed(author, kind, name, body, numbering)
}

/** Merges all at `T0` with age 0, and returns what became of each. */
export function mergeAll(state: RegistryState, records: readonly VerifiedRecord[], nowMs = T0): Merged[] {
  return records.map((record) => merge(state, record, 0, nowMs))
}

/** What anybody can see of a registry, to compare two. */
export function visible(state: RegistryState, nowMs: number): unknown {
  return {
    nodes: nodes(state, nowMs, { includeDead: true }),
    quarantined: [...state.quarantined.keys()].toSorted(),
    hashes: [...state.records.values()].map((entry) => entry.record.hash).toSorted(),
  }
}

export interface Round {
  readonly sentRecords: number
  readonly largestMessageBytes: number
  readonly more: boolean
  readonly fresh: number
}

/** One round of anti-entropy opened by `a`; the messages are measured by `sizeOf`. */
export function syncRound(
  a: RegistryState,
  b: RegistryState,
  nowMs: number,
  rng: Rng,
  sizeOf: (message: unknown) => number,
): Round {
  let sentRecords = 0
  let largestMessageBytes = 0
  let more = false
  let fresh = 0
  const measured = <T>(message: T): T => {
    largestMessageBytes = Math.max(largestMessageBytes, sizeOf(message))
    return message
  }
  const take = (from: RegistryState, to: RegistryState, message: SyncRecords): void => {
    measured(message)
    sentRecords += message.records.length
    more ||= message.more
    for (const { bytes, ageMs } of message.records) {
      const { outcome } = merge(to, opened(bytes), ageMs, nowMs)
      if (outcome === 'new' || outcome === 'updated' || outcome === 'equivocation') fresh++
    }
    if (message.wants.length > 0) take(to, from, supply(to, message.wants, nowMs, rng))
  }
  const list = (from: RegistryState, to: RegistryState, body: SyncDigest): void =>
    take(to, from, answerDigest(to, measured(body), nowMs, rng))

  const opening = digest(a)
  if (opening.t === 'sync-digest') {
    list(a, b, opening.body)
  } else {
    const answer = answerBuckets(b, measured(opening.body), rng)
    if (answer !== undefined) list(b, a, answer)
  }
  return { sentRecords, largestMessageBytes, more, fresh }
}

export { nodes, seededRng }
