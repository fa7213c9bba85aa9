/**
 * The handful of `chai` that `interface-datastore-tests` uses, on node:assert. The suite imports it
 * from its authors' own tool box, some hundreds of packages that this repository does not need;
 * `test/unit/store/datastore.test.ts` puts this module in its place.
 */
import assert from 'node:assert/strict'
import { Key } from 'interface-datastore'

/** Every assertion the suite makes; an unknown one fails as "not a function", so none passes unseen. */
class Expectation {
  readonly #actual: unknown
  #negated = false

  constructor(actual: unknown) {
    this.#actual = actual
  }

  // Words that only read well.
  get to(): this {
    return this
  }
  get be(): this {
    return this
  }
  get have(): this {
    return this
  }
  get deep(): this {
    return this
  }
  get eventually(): this {
    return this
  }
  get not(): this {
    this.#negated = true
    return this
  }

  equal(expected: unknown): void {
    assert.deepStrictEqual(plain(this.#actual), plain(expected))
  }
  eql(expected: unknown): void {
    this.equal(expected)
  }
  true(): void {
    assert.equal(this.#actual, true)
  }
  false(message?: string): void {
    assert.equal(this.#actual, false, message)
  }
  exist(): void {
    assert.equal(this.#actual !== undefined && this.#actual !== null, !this.#negated)
  }
  greaterThan(floor: number): void {
    assert.ok((this.#actual as number) > floor)
  }
  length(expected: number): void {
    assert.equal((this.#actual as unknown[]).length, expected)
  }
  lengthOf(expected: number): void {
    this.length(expected)
  }
  property(name: string, expected: unknown): void {
    assert.equal((this.#actual as Record<string, unknown>)[name], expected)
  }
  members(expected: readonly unknown[]): void {
    const sorted = (values: readonly unknown[]): string[] => values.map(String).toSorted()
    assert.deepEqual(sorted(this.#actual as unknown[]), sorted(expected))
  }

  /** `await expect(promise).to.eventually.be.rejected.with.property('message').that.include(text)` */
  get rejected(): { with: { property(name: 'message'): { that: { include(text: string): Promise<void> } } } } {
    const include = async (text: string): Promise<void> => {
      await assert.rejects(this.#actual as Promise<unknown>, (error: Error) => error.message.includes(text))
    }
    return { with: { property: () => ({ that: { include } }) } }
  }
}

/** Buffers and Uint8Arrays of the same bytes are equal to chai's users here. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null && 'key' in value && 'value' in value) {
    return { key: plain(value.key), value: plain(value.value) }
  }
  return value instanceof Key ? value.toString() : value
}

/** Stands in for `expect` of chai. */
export function expect(actual: unknown): Expectation {
  return new Expectation(actual)
}
