import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { createMesh, meshStep } from '../../../src/mesh/step.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import type { ControlMessage } from '../../../src/model/control.ts'
import { seededRng } from '../../../src/util/rng.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { encodeFrame, MAX_FRAME_BYTES } from '../../../src/wire/frames.ts'
import { heartbeat, passport, T0 } from '../registry/fixtures.ts'

/** Records of so many authors: what is compared is names, numbers and hashes, so that none needs a signature. */
function records(count: number): VerifiedRecord[] {
  const kinds = [heartbeat('ann'), passport('ann', 'writer', { note: 'x'.repeat(2_000) })]
  return Array.from({ length: count }, (_, i) => i).flatMap((i) =>
    kinds.map((record, at) => ({
      ...record,
      bytes: Uint8Array.from(record.bytes),
      author: `12D3KooW${String(i).padStart(44, 'x')}`,
      hash: hash('sha256', `${i} ${at}`, 'hex'),
    })),
  )
}

/** Mesh nodes by name, and the messages between them, which arrive one after the other. */
class Table {
  readonly #nodes = new Map<string, ReturnType<typeof createMesh>>()
  readonly #env = { config: DEFAULT_MESH, rng: seededRng(1) }
  readonly #known = new Map<Uint8Array, VerifiedRecord>()
  readonly #muted = new Set<string>()
  readonly #queue: { from: string; to: string; message: ControlMessage }[] = []
  nowMs = T0
  /** Bytes of what was sent to each. */
  readonly receivedBytes = new Map<string, number>()
  largestBytes = 0

  add(name: string, held: readonly VerifiedRecord[], alone: boolean) {
    const capacity = { cpuMilli: 1_000, memoryBytes: 2 ** 30 }
    const facts = { labels: {}, capacity, drivers: [], trusted: new Set<string>(), open: true }
    const mesh = createMesh(name, DEFAULT_MESH, { ...facts, holdsCpuLimit: false, holdsMemoryLimit: false })
    this.#nodes.set(name, mesh)
    for (const record of held) {
      this.#known.set(record.bytes, record)
      this.step(name, { type: 'record', record, ageMs: 0 })
    }
    this.step(name, { type: 'start', epoch: 7, alone })
    return mesh
  }

  step(name: string, input: MeshInput): void {
    for (const effect of meshStep(this.#nodes.get(name)!, input, this.nowMs, this.#env)) this.#carry(name, effect)
  }

  #carry(from: string, effect: MeshEffect): void {
    if (effect.type === 'send' && this.#nodes.has(effect.to)) this.#queue.push({ from, ...effect })
  }

  /** Nothing that is sent to it arrives any more. */
  mute(name: string): void {
    this.#muted.add(name)
  }

  link(a: string, b: string): void {
    this.step(a, { type: 'peer-up', peer: b, wallMs: T0 })
    this.step(b, { type: 'peer-up', peer: a, wallMs: T0 })
  }

  /** Delivers so many messages. */
  deliver(count: number): void {
    for (let i = 0; i < count && this.#queue.length > 0; i++) {
      const next = this.#queue.shift()!
      const { from, to, message } = next
      if (this.#muted.has(to)) continue
      const { length } = encodeFrame({ t: message.t, b: message.body } as { t: string })
      this.largestBytes = Math.max(this.largestBytes, length)
      this.receivedBytes.set(to, (this.receivedBytes.get(to) ?? 0) + length)
      if (message.t === 'sync-records') {
        for (const { bytes, ageMs } of message.body.records) {
          this.step(to, { type: 'record', record: this.#known.get(bytes)!, ageMs })
        }
      }
      this.step(to, { type: 'message', from, message })
    }
  }

  /** Delivers all, and what follows from it. */
  run(): void {
    this.deliver(10_000)
    assert.equal(this.#queue.length, 0, 'it does not end')
  }

  lose(a: string, b: string): void {
    this.step(a, { type: 'peer-down', peer: b })
    this.step(b, { type: 'peer-down', peer: a })
    this.#queue.length = 0
  }
}

describe('mesh/fill', function () {
  this.timeout(60_000)
  const all = records(600)
  const totalBytes = all.reduce((sum, { bytes }) => sum + bytes.length, 0)

  it('brings a newcomer all there is, once, however many neighbours it has', () => {
    const table = new Table()
    for (const name of ['bob', 'cid', 'dan']) table.add(name, all, true)
    const newcomer = table.add('new', [], false)
    for (const name of ['bob', 'cid', 'dan']) table.link('new', name)
    table.run()
    assert.equal(newcomer.registry.records.size, all.length)
    assert.equal(newcomer.phase, 'ready')
    assert.equal(newcomer.fill, undefined, 'it is over')
    const received = table.receivedBytes.get('new')!
    assert.ok(received < 1.1 * totalBytes, `${received} bytes for ${totalBytes} of records`)
    assert.ok(table.largestBytes < MAX_FRAME_BYTES)
  })

  it('brings one that has been away what has changed, and its neighbour what it has', () => {
    const table = new Table()
    const [old, own] = [all.slice(0, 900), all.slice(900)]
    const bob = table.add('bob', all.slice(0, 1_100), true)
    const back = table.add('back', [...old.filter(({ kind }) => kind === 'passport'), ...own], false)
    table.link('back', 'bob')
    table.run()
    assert.equal(back.registry.records.size, all.length)
    assert.equal(bob.registry.records.size, all.length)
  })

  it('goes on with another when the neighbour goes, or says nothing', () => {
    const table = new Table()
    for (const name of ['bob', 'cid']) table.add(name, all, true)
    const newcomer = table.add('new', [], false)
    table.link('new', 'bob')
    table.deliver(6)
    assert.equal(newcomer.fill?.peer, 'bob')
    table.lose('new', 'bob')
    assert.equal(newcomer.fill, undefined)
    table.link('new', 'cid')
    table.run()
    assert.equal(newcomer.registry.records.size, all.length)

    const other = table.add('other', [], false)
    table.link('other', 'bob')
    table.deliver(6)
    const halfway = other.registry.records.size
    assert.ok(halfway < all.length && other.fill?.peer === 'bob')
    table.mute('bob')
    table.run()
    assert.equal(other.fill?.peer, 'bob', 'it is waited for')
    table.nowMs += 10_001
    table.link('other', 'cid')
    table.run()
    assert.equal(other.registry.records.size, all.length)
  })
})
