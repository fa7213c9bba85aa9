/**
 * Rules 1 and 2: what a node has reserved is exactly what its bids, contracts, releases and reports
 * amount to, never exceeds its capacity, and no hold outlives its time.
 *
 * The books are kept here from messages and writes alone. One thing is known only a little later: whether
 * the slot of a run that ended went back to its hold (its report says so), so such a slot may count or not.
 */
import type { Resources } from '../../../src/model/resources.ts'
import type { ContractState } from '../../../src/negotiation/types.ts'
import {
  attemptName,
  Violation,
  type Checker,
  type MeshConfig,
  type MeshEffect,
  type NodeView,
  type StepSeen,
} from '../checker.ts'

interface Hold {
  readonly submitter: string
  readonly each: Resources
  readonly promised: number
  slots: number
  /** Ended runs of which the report is still to tell whether their slot was kept. */
  untold: number
  active: number
  expiresMs: number
}

interface Books {
  /** Resources by `<submitter>/<offer id>`. */
  readonly offers: Map<string, Resources>
  readonly holds: Map<string, Hold>
  readonly contracts: Map<string, { readonly each: Resources; readonly bidId: string }>
  /** Run ids that ended, with the moment, until a report tells of their slot. */
  readonly untold: Map<string, { readonly bidId: string; readonly endedMs: number }>
  nextExpiryMs: number
}

/** A step may come a little after the moment it was due. */
const SLACK_MS = 50

export class ReservationsChecker implements Checker {
  readonly name = 'reservations'
  readonly #holdMs: number
  readonly #capacities: ReadonlyMap<string, Resources>
  readonly #books = new Map<string, Books>()

  constructor(config: MeshConfig, capacities: ReadonlyMap<string, Resources>) {
    this.#holdMs = config.negotiation.holdMs
    this.#capacities = capacities
  }

  boot(node: string): void {
    this.#books.set(node, {
      offers: new Map(),
      holds: new Map(),
      contracts: new Map(),
      untold: new Map(),
      nextExpiryMs: Infinity,
    })
  }

  step(seen: StepSeen): void {
    const books = this.#books.get(seen.node)!
    let touched = this.#onInput(books, seen)
    for (const effect of seen.effects) touched = this.#onEffect(books, effect, seen) || touched
    if (seen.nowMs >= books.nextExpiryMs) {
      this.#expire(books, seen.nowMs)
      touched = true
    }
    if (touched) this.#compare(books, seen)
  }

  #onInput(books: Books, { input }: StepSeen): boolean {
    if (input.type === 'restore') {
      for (const doc of input.stored.contracts) {
        const contract = doc as ContractState
        const { phase, bidId, spec } = contract
        if (phase !== 'ended') books.contracts.set(attemptName(contract), { each: spec.resources, bidId })
      }
      return true
    }
    if (input.type !== 'message') return false
    const { from, message } = input
    if (message.t === 'offer') books.offers.set(`${from}/${message.body.offerId}`, message.body.spec.resources)
    else if (message.t === 'release' && books.holds.get(message.body.bidId)?.submitter === from)
      books.holds.delete(message.body.bidId)
    else return false
    return true
  }

  #onEffect(books: Books, effect: MeshEffect, seen: StepSeen): boolean {
    if (effect.type === 'persist' && effect.collection === 'contract') {
      // Only what has ended is removed, and that reserves nothing any more.
      if (effect.doc !== null) this.#onContract(books, effect.doc as ContractState, seen)
    } else if (effect.type === 'send' && effect.message.t === 'bid') {
      const { bidId, offerId, slots } = effect.message.body
      const each = books.offers.get(`${effect.to}/${offerId}`)
      if (!each) throw new Violation(this.name, `${seen.node} bids for ${offerId}, which ${effect.to} never offered it`)
      if (!books.holds.has(bidId)) {
        const expiresMs = seen.nowMs + this.#holdMs
        books.holds.set(bidId, { submitter: effect.to, each, promised: slots, slots, untold: 0, active: 0, expiresMs })
        books.nextExpiryMs = Math.min(books.nextExpiryMs, expiresMs)
      }
    } else if (effect.type === 'send' && effect.message.t === 'report') {
      for (const { taskId, attempt, phase, slotKept } of effect.message.body.reports) {
        if (phase === 'ended') this.#onTold(books, attemptName({ taskId, attempt }), slotKept === true, seen)
      }
    } else return false
    return true
  }

  #onContract(books: Books, doc: ContractState, { node, nowMs }: StepSeen): void {
    const runId = attemptName(doc)
    const known = books.contracts.get(runId)
    if (doc.phase === 'ended') {
      if (!known) return
      books.contracts.delete(runId)
      const hold = books.holds.get(known.bidId)
      if (hold) {
        hold.active--
        hold.untold++
        books.untold.set(runId, { bidId: known.bidId, endedMs: nowMs })
      }
    } else if (!known) {
      const hold = books.holds.get(doc.bidId)
      if (!hold) throw new Violation(this.name, `${node} contracted ${runId} without a hold (bid ${doc.bidId})`)
      if (hold.slots > 0) hold.slots--
      else if (hold.untold > 0) hold.untold--
      else
        throw new Violation(
          this.name,
          `${node} contracted ${runId}, but all ${hold.promised} slots of bid ${doc.bidId} were taken`,
        )
      hold.active++
      books.contracts.set(runId, { each: doc.spec.resources, bidId: doc.bidId })
    }
  }

  #onTold(books: Books, runId: string, kept: boolean, { node }: StepSeen): void {
    const told = books.untold.get(runId)
    if (!told) {
      if (kept) throw new Violation(this.name, `${node} gives the slot of ${runId} back a second time`)
      return
    }
    books.untold.delete(runId)
    const hold = books.holds.get(told.bidId)
    if (!hold) return
    // A slot granted again before its return was told has been taken from `untold` already.
    const granted = hold.untold === 0
    if (!granted) hold.untold--
    if (!kept) return
    if (!granted) hold.slots++
    hold.expiresMs = Math.max(hold.expiresMs, told.endedMs + this.#holdMs)
    books.nextExpiryMs = Math.min(books.nextExpiryMs, hold.expiresMs)
    if (hold.slots + hold.active > hold.promised) {
      throw new Violation(
        this.name,
        `${node}: bid ${told.bidId} promised ${hold.promised} slots, ${hold.active} run and ${hold.slots} are free`,
      )
    }
  }

  #expire(books: Books, nowMs: number): void {
    books.nextExpiryMs = Infinity
    for (const [bidId, hold] of books.holds) {
      if (hold.untold === 0 && nowMs >= hold.expiresMs) {
        hold.slots = 0
        if (hold.active === 0) books.holds.delete(bidId)
      } else books.nextExpiryMs = Math.min(books.nextExpiryMs, Math.max(nowMs + 1, hold.expiresMs))
    }
  }

  #compare(books: Books, { node, state, nowMs }: StepSeen): void {
    const least = { cpuMilli: 0, memoryBytes: 0 }
    const most = { cpuMilli: 0, memoryBytes: 0 }
    const add = (to: typeof least, each: Resources, times: number): void => {
      to.cpuMilli += each.cpuMilli * times
      to.memoryBytes += each.memoryBytes * times
    }
    for (const { each } of books.contracts.values()) for (const sum of [least, most]) add(sum, each, 1)
    for (const { each, slots, untold, expiresMs } of books.holds.values()) {
      // While a returned slot is untold the hold's time may have been extended by it, or not.
      const maybeExpired = untold > 0 && nowMs >= expiresMs
      if (!maybeExpired) add(least, each, slots)
      add(most, each, slots + untold)
    }
    const { reserved } = state.negotiation
    const capacity = this.#capacities.get(node)!
    for (const what of ['cpuMilli', 'memoryBytes'] as const) {
      if (reserved[what] > capacity[what])
        throw new Violation(this.name, `${node} has reserved ${reserved[what]} ${what} of ${capacity[what]}`)
      if (reserved[what] < least[what] || reserved[what] > most[what]) {
        const wanted = least[what] === most[what] ? least[what] : `${least[what]} to ${most[what]}`
        throw new Violation(
          this.name,
          `${node} has reserved ${reserved[what]} ${what}; its holds and contracts take ${wanted}`,
        )
      }
    }
  }

  tick(nodes: readonly NodeView[], nowMs: number): void {
    for (const { id, up, state } of nodes) {
      if (!up) continue
      for (const { bidId, slots } of state.negotiation.holds.values()) {
        if (slots === 0) continue
        const hold = this.#books.get(id)!.holds.get(bidId)
        if (!hold || nowMs > hold.expiresMs + SLACK_MS) {
          throw new Violation('holds-expire', `${id} still holds ${slots} slots of bid ${bidId}, whose time was up`)
        }
      }
    }
  }

  pending(nodes: readonly NodeView[]): string | undefined {
    for (const {
      id,
      state: { negotiation },
    } of nodes) {
      const { cpuMilli, memoryBytes } = negotiation.reserved
      if (cpuMilli !== 0 || memoryBytes !== 0) return `${id} still reserves ${cpuMilli} cpuMilli, ${memoryBytes} bytes`
      const slots = [...negotiation.holds.values()].some((hold) => hold.slots > 0 || hold.active > 0)
      if (slots) return `${id} still keeps holds`
    }
    return undefined
  }
}
