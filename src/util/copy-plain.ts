/**
 * A copy of plain data (objects, arrays, bytes, and what is no object), of which the original and it share nothing.
 * What `structuredClone` does too, in ten times the time; of anything else this makes a plain object.
 */
export function copyPlain<Value>(value: Value): Value
export function copyPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item: unknown) => copyPlain(item))
  if (value instanceof Uint8Array) return new Uint8Array(value)
  // Not by assignment: a key may be `__proto__`.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyPlain(item)]))
}
