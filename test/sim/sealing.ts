/**
 * How records and messages become bytes, and what the wire refuses. The fast way checks every message,
 * encodes a share and remembers what a record says; the real one signs, frames, opens and checks everything
 * as the daemon does.
 */
import { hash } from 'node:crypto'
import type { ControlMessage } from '../../src/model/control.ts'
import { fromFrame, toFrame, type Sealer } from '../../src/node/messages.ts'
import type { Rng } from '../../src/util/rng.ts'
import { createSigner, openRecord, type RecordDraft, type VerifiedRecord } from '../../src/wire/envelope.ts'
import { GOSSIP_KINDS } from '../../src/wire/limits.ts'
import { copy } from './copy.ts'
import { assertSealable, overTheWire, refusing } from './wire.ts'

/** A message as its receiver gets it. */
export interface Arrived {
  readonly message: ControlMessage
  readonly proof: Uint8Array
}

export interface Sealing {
  /** The peer id of the node with this index. */
  idOf(index: number): string
  seal(author: string, draft: RecordDraft): VerifiedRecord
  /** @throws when the bytes do not verify */
  open(bytes: Uint8Array, wallNowMs: number): VerifiedRecord
  /** Takes a message over the wire. @throws Violation when its sender could not send it, or its receiver refused it */
  transfer(from: string, message: ControlMessage): Arrived
}

/** No cryptography: for the bulk of seeds. `rng` chooses which messages and records are encoded. */
export function fastSealing(rng: Rng): Sealing {
  const encoder = new TextEncoder()
  const opened = new WeakMap<Uint8Array, VerifiedRecord>()
  const proof = new Uint8Array([1])
  return {
    idOf: (index) => `n${index}`,
    seal(author, draft) {
      const bytes = encoder.encode(JSON.stringify({ author, ...draft }))
      assertSealable(author, draft, rng)
      const record = { ...draft, body: copy(draft.body), author, bytes, hash: hash('sha256', bytes, 'hex') }
      opened.set(bytes, record)
      return record
    },
    open(bytes) {
      const record = opened.get(bytes)
      if (record === undefined) throw new Error('bytes that nobody sealed')
      return record
    },
    transfer: (from, message) => ({ message: overTheWire(from, message, rng), proof }),
  }
}

/** Real keys, envelopes and frames, as in `node/messages.ts`. */
export function realSealing(nowMs: () => number): Sealing {
  const clock = { nowMs, wallMs: nowMs }
  const sealers = new Map<string, Sealer>()
  return {
    idOf(index) {
      const signer = createSigner(new Uint8Array(32).fill(index + 1))
      if (!sealers.has(signer.id)) sealers.set(signer.id, { signer, clock, epoch: 1, seq: 0 })
      return signer.id
    },
    seal: (author, draft) => sealers.get(author)!.signer.seal(draft),
    open: (bytes, wallNowMs) => openRecord(bytes, { kinds: GOSSIP_KINDS, maxBytes: 8 * 1024, wallNowMs }),
    transfer(from, message) {
      const frame = refusing(from, message.t, () => toFrame(message, sealers.get(from)!))
      const arrived = refusing(from, message.t, () => fromFrame(frame, from, nowMs()))
      return { message: arrived.message, proof: arrived.proof ?? new Uint8Array() }
    },
  }
}
