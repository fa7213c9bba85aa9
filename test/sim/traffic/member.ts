/** A member of the mesh, whether its whole daemon is simulated or only what it says: a key, a machine, its records. */
import { createHash } from 'node:crypto'
import { deriveLabels } from '../../../src/hw/labels.ts'
import type { LocalFacts } from '../../../src/mesh/types.ts'
import type { HardwareSummary } from '../../../src/model/hardware.ts'
import type { Heartbeat } from '../../../src/model/heartbeat.ts'
import { passportName, type Passport } from '../../../src/model/passport.ts'
import { ownPassport } from '../../../src/node/own-passport.ts'
import { createSigner, type Signer, type VerifiedRecord } from '../../../src/wire/envelope.ts'

const GIB = 1024 ** 3
const CAPACITY = { cpuMilli: 8_000, memoryBytes: 30 * GIB }
/** Of an x86 server of these years; each is a label. */
const FEATURES =
  'ADX AESNI AVX AVX2 AVX512BF16 AVX512BITALG AVX512BW AVX512CD AVX512DQ AVX512F AVX512IFMA AVX512VBMI AVX512VBMI2 ' +
  'AVX512VL AVX512VNNI AVX512VPOPCNTDQ BMI1 BMI2 CLMUL CX16 F16C FMA3 GFNI LZCNT MOVBE POPCNT RDRAND RDSEED SHA SSE3 ' +
  'SSE4 SSE42 SSE4A SSSE3 VAES VPCLMULQDQ'

export class Member {
  readonly index: number
  readonly signer: Signer
  readonly passport: Passport
  readonly local: LocalFacts
  epoch = 1_790_000_000
  incarnation = 0
  /** Since when this life of it runs. */
  startedAtMs = 0
  #seqs = new Map<string, number>()

  /** @param key which of all the keys there are. @default its index. @param zone label of the machine */
  constructor(index: number, key = index, zone?: string) {
    this.index = index
    this.signer = createSigner(new Uint8Array(createHash('sha256').update(`member ${key}`).digest()))
    const name = `host-${index}`
    const hardware = hardwareOf(name, index)
    const labels = { ...deriveLabels(hardware), ...(zone !== undefined && { zone }) }
    const drivers = ['process']
    const address = `/ip4/10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/tcp/4100/p2p/${this.signer.id}`
    this.passport = ownPassport({
      ...{ peerId: this.signer.id, name, version: '0.1.0', labels, hardware, capacity: CAPACITY, drivers },
      ...{ enforcement: { cpu: 'cgroup-v2', memory: 'cgroup-v2' }, addresses: [address] },
    })
    const trusted = new Set([this.id])
    const holds = { holdsCpuLimit: true, holdsMemoryLimit: true }
    this.local = { labels, capacity: CAPACITY, drivers, trusted, open: false, ...holds }
  }

  get id(): string {
    return this.signer.id
  }

  /** It is started anew: under a later epoch. */
  restart(nowMs: number): void {
    this.epoch++
    this.incarnation = 0
    this.startedAtMs = nowMs
    this.#seqs.clear()
  }

  seal(kind: string, name: string, body: unknown, ttlMs: number, atMs: number): VerifiedRecord {
    const seq = (this.#seqs.get(kind) ?? 0) + 1
    this.#seqs.set(kind, seq)
    return this.signer.seal({ kind, name, epoch: this.epoch, seq, hlc: Math.round(atMs), ttlMs, body })
  }

  sealPassport(ttlMs: number, atMs: number): VerifiedRecord {
    return this.seal('passport', passportName(this.passport), this.passport, ttlMs, atMs)
  }

  /** As a daemon that is idle says it. */
  sealHeartbeat(state: Heartbeat['state'], intervalMs: number, ttlMs: number, atMs: number): VerifiedRecord {
    const body: Heartbeat = {
      state,
      incarnation: this.incarnation,
      intervalMs,
      uptimeMs: Math.max(0, Math.round(atMs - this.startedAtMs)),
      cpuRatio: 0.123,
      memoryAvailableBytes: 20 * GIB,
      free: CAPACITY,
      tasks: 0,
      passport: { epoch: this.epoch, seq: this.#seqs.get('passport') ?? 1 },
      coordinate: { at: [1_234 + this.index, -2_345, 345, -45], height: 220, adjustment: -12, error: 104 },
    }
    return this.seal('heartbeat', '', body, ttlMs, atMs)
  }
}

function hardwareOf(hostname: string, index: number): HardwareSummary {
  const hex = index.toString(16).padStart(6, '0')
  return {
    cpu: {
      ...{ model: 'AMD EPYC', vendor: 'AMD', architecture: 'x86_64', sockets: 1, physicalCores: 8, logicalCores: 16 },
      features: FEATURES.split(' '),
      virtualization: true,
    },
    memory: { totalBytes: 32 * GIB },
    os: { platform: 'linux', distribution: 'debian', version: '13', kernel: '6.12.48', arch: 'amd64', hostname },
    disks: [{ name: 'vda', sizeBytes: 256 * GIB, rotational: false, mount: '/', freeBytes: 81 * GIB }],
    interfaces: [
      {
        name: 'eth0',
        mac: `02:fc:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`,
        addresses: [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, `fd00::${hex}`],
      },
    ],
  }
}
