/**
 * Where governance writes: what it decides is flushed to the disk before anything follows from it, and the events that
 * tell of it go into the audit log in the same transaction.
 */
import type { GovernanceEffect } from '../../governance/types.ts'
import type { AuditDraft, AuditType } from '../../model/audit.ts'
import type { Write } from '../../store/store.ts'
import type { Clock } from '../../util/clock.ts'
import { TokenBucket } from '../../util/token-bucket.ts'
import type { MeshLoop } from '../loop.ts'
import { proposalWrite } from './proposal-store.ts'

/** What others can make this node write by merely asking; beyond it events are counted, and the count is written. */
const BY_OTHERS: ReadonlySet<AuditType> = new Set<AuditType>(['ticket.refused', 'gov.refused'])
/** Such events a second, and how many at once. */
const BY_OTHERS_PER_S = 1
const BY_OTHERS_BURST = 200

/** What it writes to. */
export interface JournalOptions {
  readonly loop: () => Pick<MeshLoop, 'note' | 'writeDurably' | 'writeWhenPossible'>
  readonly clock: Clock
}

/** One for each daemon. */
export class GovernanceJournal {
  readonly #options: JournalOptions
  readonly #allowance: TokenBucket
  #omitted = 0

  constructor(options: JournalOptions) {
    this.#options = options
    this.#allowance = new TokenBucket(BY_OTHERS_PER_S, BY_OTHERS_BURST, options.clock.nowMs())
  }

  /**
   * Writes what of a step has to be kept, durably.
   * @throws StoreError; nothing was written then, and all of it is as soon as the disk takes any: it counts already
   */
  write(effects: readonly GovernanceEffect[]): void {
    const loop = this.#options.loop()
    const writes = effects.flatMap(writesOf)
    const events = this.#bounded(effects.flatMap((effect) => (effect.type === 'audit' ? [effect.event] : [])))
    if (writes.length === 0) return events.forEach((event) => loop.note(event))
    try {
      loop.writeDurably(writes, events)
    } catch (error) {
      loop.writeWhenPossible(writes, events)
      throw error
    }
  }

  #bounded(events: readonly AuditDraft[]): AuditDraft[] {
    const kept = events.filter((event) => {
      if (!BY_OTHERS.has(event.type) || this.#allowance.take(this.#options.clock.nowMs())) return true
      this.#omitted++
      return false
    })
    if (kept.length === 0 || this.#omitted === 0) return kept
    const omitted: AuditDraft = { type: 'audit.omitted', count: this.#omitted }
    this.#omitted = 0
    return [omitted, ...kept]
  }
}

function writesOf(effect: GovernanceEffect): Write[] {
  switch (effect.type) {
    case 'persist':
      return [{ collection: 'statement', key: effect.key, doc: { bytes: effect.bytes } }]
    case 'persist-ticket':
      return [{ collection: 'ticket', key: effect.key, doc: effect.issued }]
    case 'persist-proposal':
      return [proposalWrite(effect.key, effect.proposal)]
    default:
      return []
  }
}
