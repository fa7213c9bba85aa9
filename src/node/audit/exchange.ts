/** What members ask each other of their audit logs: this node's answers, and its own questions on behalf of people. */
import { randomInt } from 'node:crypto'
import { decodeEvent } from '../../wire/audit-event.ts'
import { consistencyProof, inclusionProof } from '../../audit/proofs.ts'
import type { HeardHead, WitnessState } from '../../audit/witness.ts'
import {
  MAX_TOLD_BYTES,
  MAX_TOLD_EVENTS,
  type AuditAsk,
  type AuditTold,
  type ProvenEvent,
} from '../../model/audit-exchange.ts'
import type { ControlMessage } from '../../model/control.ts'
import type { AuditTable } from '../../store/audit-table.ts'
import { BoundedMap } from '../../util/bounded-map.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { TokenBuckets, type Rate } from '../../util/token-buckets.ts'
import { AuditError, type AuditLog } from './log.ts'
import { storyRows } from './story.ts'

/** Answers a second to one peer, and how many at once. One takes some milliseconds at most. */
const ANSWERS: Rate = { perSecond: 2, burst: 20 }
/** Peers whose questions are counted: more than there can be links. */
const MAX_ASKERS = 1_024
/** Questions under way at once; beyond it further ones are not asked. */
const MAX_ASKED = 256
/** How long an answer is waited for. */
const ANSWER_WAIT_MS = 3_000
/** Of an audit path in an answer, about. */
const HASH_ON_WIRE_BYTES = 34

type Want = AuditAsk['want']
type Told = AuditTold['told']

/** What it works with. */
export interface ExchangeOptions {
  readonly log: AuditLog
  readonly table: AuditTable
  readonly witness: WitnessState
  readonly clock: Clock
  readonly logger: Logger
  /** The safe head of the log as a signed record. */
  readonly signedHead: () => { readonly size: number; readonly record: Uint8Array }
  /** Rejects when the peer is not linked. */
  readonly send: (peer: string, message: ControlMessage) => Promise<void>
}

/** Both sides of the exchange. */
export class AuditExchange {
  readonly #options: ExchangeOptions
  readonly #allowance = new TokenBuckets(ANSWERS, MAX_ASKERS)
  /** By peer and nonce. */
  readonly #asked = new BoundedMap<string, (told: Told | undefined) => void>(MAX_ASKED, 'refuse')

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Asks a linked peer. Never rejects. @returns undefined when no fitting answer came in time */
  async ask<Type extends Want['type']>(
    peer: string,
    want: Extract<Want, { type: Type }>,
    signal: AbortSignal,
  ): Promise<Extract<Told, { type: Type }> | undefined> {
    const nonce = randomInt(2 ** 32)
    const key = `${peer}/${nonce}`
    const { promise, resolve } = Promise.withResolvers<Told | undefined>()
    const giveUp = (): void => resolve(undefined)
    if (signal.aborted || !this.#asked.set(key, resolve)) return undefined
    const patience = setTimeout(giveUp, ANSWER_WAIT_MS)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      this.#options.send(peer, { t: 'audit-ask', body: { nonce, want } }).catch(giveUp)
      const told = await promise
      return told?.type === want.type ? (told as Extract<Told, { type: Type }>) : undefined
    } finally {
      clearTimeout(patience)
      signal.removeEventListener('abort', giveUp)
      this.#asked.delete(key)
    }
  }

  /** An answer came in; one that nobody waits for is the mesh's own. */
  take(from: string, { nonce, told }: AuditTold): void {
    this.#asked.get(`${from}/${nonce}`)?.(told)
  }

  /** Answers a question, unless its asker asks too much or there is nothing to say. */
  answer(to: string, { nonce, want }: AuditAsk): void {
    const { clock, send, logger } = this.#options
    if (!this.#allowance.take(to, clock.nowMs())) return
    try {
      const told = this.#tell(to, want)
      // A link that goes at this moment takes the answer with it.
      if (told) send(to, { t: 'audit-told', body: { nonce, told } }).catch(() => {})
    } catch (error) {
      logger.warn(
        { peer: to, asked: want.type, error: messageOf(error) },
        'a question about the audit log has no answer',
      )
    }
  }

  #tell(asker: string, want: Want): Told | undefined {
    if (want.type === 'consistency') return this.#consistency(want)
    if (want.type === 'story') return this.#story(asker, want.taskId)
    return { type: 'seen', heads: this.#seenOf(asker).map(({ record }) => record) }
  }

  /** What was seen of somebody's log: where an alarm began, and what is known since. */
  #seenOf(peer: string): HeardHead[] {
    const { heads, alarms } = this.#options.witness
    const [known, alarm] = [heads.get(peer), alarms.get(peer)]
    return [...(alarm ? [alarm.first] : []), ...(known ? [known.anchor, ...known.unproven] : [])]
  }

  /** Of sizes that this log does not have nothing can be said. */
  #consistency({ sizes }: { readonly sizes: readonly number[] }): Told | undefined {
    const { size } = this.#options.log.head()
    if (sizes.some((one, at) => one > (sizes[at + 1] ?? size))) return undefined
    return { type: 'consistency', paths: sizes.slice(1).map((second, at) => this.#step(sizes[at]!, second)) }
  }

  #step(first: number, second: number): Uint8Array[] | null {
    try {
      return consistencyProof(first, second, this.#options.log.subtree)
    } catch (error) {
      if (error instanceof AuditError) return null
      throw error
    }
  }

  /** What this node has written of a task and of the asker, each event with its proof. Others are no affair of his. */
  #story(asker: string, taskId: string): Told {
    const { log, table, signedHead } = this.#options
    const { size, record } = signedHead()
    const events: ProvenEvent[] = []
    let bytes = 0
    for (const { position, body } of storyRows(table, taskId)) {
      const event = decodeEvent(body)
      if (position >= size || !('peer' in event) || event.peer !== asker) continue
      const path = inclusionProof(position, size, log.subtree)
      bytes += body.length + path.length * HASH_ON_WIRE_BYTES
      const isFull = bytes > MAX_TOLD_BYTES || events.length === MAX_TOLD_EVENTS
      if (isFull) return { type: 'story', head: record, events, more: true }
      events.push({ position, event: body, path })
    }
    return { type: 'story', head: record, events, more: false }
  }
}
