/**
 * The log as whoever writes it has it in memory: events that wait for the disk, and the frontier of those that are on
 * it. Events become part of the log by being written, never before: what a disk refuses is offered to it again.
 */
import type { AuditDraft, AuditEvent } from '../model/audit.ts'
import type { Frontier } from './frontier.ts'
import { hashLeaf } from './hashing.ts'
import type { TreeHead } from './verify.ts'

/** Inner nodes are stored at every so manieth level: the others follow from at most 255 below them. */
export const NODE_STRIDE = 8
/** Events that wait for a disk that takes nothing; beyond it they are counted. */
const MAX_NOTED = 50_000

/** An event that is to be written, at its place. */
export interface LedgerEntry {
  readonly position: number
  readonly event: AuditEvent
  readonly bytes: Uint8Array
}

/** What one write consists of. */
export interface Batch {
  readonly entries: readonly LedgerEntry[]
  /** Roots of the subtrees of `NODE_STRIDE` levels that become complete. */
  readonly nodes: readonly { readonly level: number; readonly index: number; readonly hash: Uint8Array }[]
  /** The log's frontier once this is written. */
  readonly frontier: Frontier
}

/** One log. */
export class Ledger {
  readonly #encode: (event: AuditEvent) => Uint8Array
  /** Of what is written. */
  #frontier: Frontier
  #noted: AuditEvent[] = []
  #omitted = 0

  /** @param frontier of what the disk holds */
  constructor(frontier: Frontier, encode: (event: AuditEvent) => Uint8Array) {
    this.#frontier = frontier
    this.#encode = encode
  }

  /** Events that wait to be written. */
  get waiting(): number {
    return this.#noted.length
  }

  /** Events that are written. */
  get size(): number {
    return this.#frontier.size
  }

  /** Of what is written. */
  head(): TreeHead {
    return { size: this.#frontier.size, root: this.#frontier.root() }
  }

  /** Notes an event; `wallMs` is the time that it says. */
  note(event: AuditDraft, wallMs: number): void {
    if (this.#noted.length >= MAX_NOTED) this.#omitted++
    else this.#noted.push({ ...event, atMs: Math.max(0, Math.round(wallMs)) })
  }

  /** Forgets the newest of those that wait, so that so many are left: what they told of did not come to be. */
  forget(left: number): void {
    this.#noted.length = Math.min(this.#noted.length, left)
  }

  /** All that waits, as it is to be written. Nothing is changed by it. */
  prepare(): Batch {
    const frontier = this.#frontier.copy()
    const nodes: { level: number; index: number; hash: Uint8Array }[] = []
    const entries = this.#noted.map((event): LedgerEntry => {
      const bytes = this.#encode(event)
      const position = frontier.size
      frontier.append(hashLeaf(bytes), (level, index, hash) => {
        if (level > 0 && level % NODE_STRIDE === 0) nodes.push({ level, index, hash })
      })
      return { position, event, bytes }
    })
    return { entries, nodes, frontier }
  }

  /** The batch is on the disk; nothing was noted since it was prepared. */
  commit({ frontier, entries }: Batch, wallMs: number): void {
    this.#frontier = frontier
    this.#noted.splice(0, entries.length)
    if (this.#omitted === 0) return
    this.note({ type: 'audit.omitted', count: this.#omitted }, wallMs)
    this.#omitted = 0
  }
}
