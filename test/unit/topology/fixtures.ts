/** A node under test, driven by hand: inputs at given moments, and what it asked for. */
import { createTopology, nextWakeMs } from '../../../src/topology/state.ts'
import { topologyStep } from '../../../src/topology/step.ts'
import type {
  Testimony,
  TopologyConfig,
  TopologyEffect,
  TopologyInput,
  TopologyState,
} from '../../../src/topology/types.ts'
import { seededRng } from '../../../src/util/rng.ts'

export const EPOCH = 1_800_000_000

/** An effect of one type. */
export type Of<T extends TopologyEffect['type']> = Extract<TopologyEffect, { type: T }>

export class Bench {
  readonly state: TopologyState
  nowMs = 0
  #rng = seededRng(1)
  #seq = 0

  /** `self` knows `others`, each on a host of its own unless `hosts` says otherwise. */
  constructor(
    self: string,
    others: readonly string[],
    config: Partial<TopologyConfig> = {},
    hosts = (id: string) => id,
  ) {
    // Twice as often as shipped: the moments in these tests are counted in half seconds.
    this.state = createTopology(self, { probeMs: 500, ...config })
    this.give({ type: 'member', id: self, pair: { epoch: EPOCH, incarnation: 0 }, host: hosts(self) })
    for (const id of others) this.give(this.member(id, 0, EPOCH, hosts(id)))
    // The watch list is made once all are there.
    this.give({ type: 'wake' }, 20)
  }

  member(id: string, incarnation: number, epoch = EPOCH, host = id): TopologyInput {
    return { type: 'member', id, pair: { epoch, incarnation }, host }
  }

  /** Hands over an input, at once or so much later. */
  give(input: TopologyInput, laterMs = 0): TopologyEffect[] {
    this.nowMs += laterMs
    return topologyStep(this.state, input, this.nowMs, this.#rng)
  }

  /** Lets time pass, waking the node when it wants to be; `answer` may answer each effect with an input at once. */
  pass(ms: number, answer: (effect: TopologyEffect) => TopologyInput | undefined = () => undefined): TopologyEffect[] {
    const untilMs = this.nowMs + ms
    const all: TopologyEffect[] = []
    const take = (effects: readonly TopologyEffect[]): void => {
      for (const effect of effects) {
        all.push(effect)
        const input = answer(effect)
        if (input !== undefined) take(this.give(input))
      }
    }
    for (;;) {
      const nextMs = nextWakeMs(this.state)
      if (nextMs === undefined || nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      take(this.give({ type: 'wake' }))
    }
    this.nowMs = untilMs
    return all
  }

  testify(watcher: string, subject: string, says: Testimony['says'], more: Partial<Testimony> = {}): TopologyEffect[] {
    const testimony: Testimony = {
      ...{ watcher, subject, says, epoch: EPOCH, incarnation: 0, seq: ++this.#seq, loss: 0 },
      ...more,
    }
    return this.give({ type: 'testimony', testimony })
  }

  verdict(id: string): string | undefined {
    return this.state.members.get(id)?.verdict
  }
}

/** Everybody answers every probe, but those who are `silent`. */
export function answering(...silent: readonly string[]) {
  return (effect: TopologyEffect): TopologyInput | undefined =>
    effect.type === 'ping' && !silent.includes(effect.to)
      ? { type: 'pong', from: effect.to, nonce: effect.nonce }
      : undefined
}

export function of<T extends TopologyEffect['type']>(effects: readonly TopologyEffect[], type: T): Of<T>[] {
  return effects.filter((effect): effect is Of<T> => effect.type === type)
}
