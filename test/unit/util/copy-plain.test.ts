import assert from 'node:assert/strict'
import fc from 'fast-check'
import { copyPlain } from '../../../src/util/copy-plain.ts'

describe('copyPlain', () => {
  it('copies what structuredClone copies, and shares no object with it', () => {
    const objects = (value: unknown): object[] =>
      typeof value !== 'object' || value === null
        ? []
        : [value, ...(value instanceof Uint8Array ? [value.buffer] : Object.values(value).flatMap(objects))]
    fc.assert(
      fc.property(fc.anything({ withTypedArray: false, withNullPrototype: false }), fc.uint8Array(), (some, bytes) => {
        const value = { some, bytes, list: [{ bytes: Buffer.from(bytes) }, undefined, null], ['__proto__']: 1 }
        const copied = copyPlain(value)
        assert.deepEqual(copied, structuredClone(value))
        const originals = new Set(objects(value))
        for (const object of objects(copied)) assert.ok(!originals.has(object))
      }),
    )
  })

  it('takes a key for what it is, whatever that is', () => {
    const copied = copyPlain(JSON.parse('{ "__proto__": { "a": 1 } }') as object)
    assert.deepEqual(Object.keys(copied), ['__proto__'])
    assert.equal(Object.getPrototypeOf(copied), Object.prototype)
  })
})
