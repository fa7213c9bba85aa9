import assert from 'node:assert/strict'
import { Deadlines } from '../../../src/util/deadlines.ts'
import { seededRng } from '../../../src/util/rng.ts'

/** The same by a list that is sorted anew each time. */
class Plain {
  readonly set = new Map<string, number>()

  next(): number | undefined {
    return this.set.size === 0 ? undefined : Math.min(...this.set.values())
  }

  /** Keys that may be taken first: those due earliest. */
  first(nowMs: number): string[] {
    const next = this.next()
    return next === undefined || next > nowMs
      ? []
      : [...this.set].flatMap(([key, atMs]) => (atMs === next ? [key] : []))
  }
}

describe('util/deadlines', () => {
  it('knows the next one through any settings, replacements and cancellations', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const rng = seededRng(seed)
      const [deadlines, plain] = [new Deadlines<string>(), new Plain()]
      for (let turn = 0; turn < 400; turn++) {
        const [key, atMs] = [`k${rng.int(20)}`, rng.int(1_000)]
        const what = rng.int(4)
        if (what === 0) {
          deadlines.set(key, atMs)
          plain.set.set(key, atMs)
        } else if (what === 1) {
          deadlines.setEarlier(key, atMs)
          plain.set.set(key, Math.min(atMs, plain.set.get(key) ?? Infinity))
        } else if (what === 2) {
          deadlines.cancel(key)
          plain.set.delete(key)
        } else {
          const able = plain.first(atMs)
          const taken = deadlines.takeDue(atMs)
          assert.ok(taken === undefined ? able.length === 0 : able.includes(taken), `seed ${seed}: took ${taken}`)
          if (taken !== undefined) plain.set.delete(taken)
        }
        if (rng.next() < 0.7) assert.equal(deadlines.next(), plain.next(), `seed ${seed}, turn ${turn}`)
        assert.equal(deadlines.size, plain.set.size)
        assert.equal(deadlines.get(key), plain.set.get(key))
      }
    }
  })

  it('takes what is due at one moment in the order it was set', () => {
    const deadlines = new Deadlines<string>()
    for (const key of ['c', 'a', 'b']) deadlines.set(key, 5)
    deadlines.set('c', 5)
    assert.deepEqual(
      [deadlines.takeDue(4), ...Array.from({ length: 4 }, () => deadlines.takeDue(5))],
      [undefined, 'a', 'b', 'c', undefined],
    )
  })
})
