/** A few membership cores in one place, under virtual time, for tests that look at one of them. */
import { createTopology, nextWakeMs } from '../../../src/topology/state.ts'
import { topologyStep } from '../../../src/topology/step.ts'
import type { MemberId, Testimony, TopologyEffect, TopologyInput, TopologyState } from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'

/** One node among others, who answer its probes as long as they are in `answering`. */
export class Seat {
  nowMs = 1_000_000
  readonly state: TopologyState
  readonly answering: Set<MemberId>
  readonly effects: TopologyEffect[] = []
  readonly #rng = seededRng(3)
  #seq = 0

  constructor(self: MemberId, others: readonly MemberId[]) {
    this.state = createTopology(self)
    this.answering = new Set(others)
    this.input({ type: 'member', id: self, pair: { epoch: 1, incarnation: 0 }, host: self })
    for (const id of others) this.beat(id)
  }

  /** A heartbeat of `id` comes. */
  beat(id: MemberId, incarnation = 0, epoch = 1): void {
    this.input({ type: 'member', id, pair: { epoch, incarnation }, host: id })
  }

  /** `watcher` says something of `subject`. */
  hear(watcher: MemberId, subject: MemberId, changes: Partial<Testimony> = {}): void {
    const said = { says: 'silent' as const, epoch: 1, incarnation: 0, loss: 0, ...changes }
    this.input({ type: 'testimony', testimony: { watcher, subject, seq: ++this.#seq, ...said } })
  }

  input(input: TopologyInput): TopologyEffect[] {
    const effects = topologyStep(this.state, input, this.nowMs, this.#rng)
    this.effects.push(...effects)
    for (const effect of effects) {
      if (effect.type === 'ping' && this.answering.has(effect.to)) {
        this.input({ type: 'pong', from: effect.to, nonce: effect.nonce })
      }
    }
    return effects
  }

  /** Virtual time goes on. */
  run(ms: number): void {
    const endMs = this.nowMs + ms
    for (;;) {
      const wakeMs = nextWakeMs(this.state)
      if (wakeMs === undefined || wakeMs > endMs) break
      this.nowMs = Math.max(this.nowMs, wakeMs)
      this.input({ type: 'wake' })
    }
    this.nowMs = endMs
  }

  verdict(id: MemberId): string | undefined {
    return this.state.members.get(id)?.verdict
  }
}
