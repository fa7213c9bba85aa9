/**
 * Copies of plain data, as a wire or a disk makes them: nothing of the original's memory is shared,
 * except what is frozen and bytes, which nobody changes.
 */

/** A copy of JSON-like data. Frozen objects are their own copy. */
export function copy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  if (Object.isFrozen(value) || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(copy) as T
  const result: Record<string, unknown> = {}
  for (const key in value) result[key] = copy(value[key])
  return result as T
}

/** Freezes plain data through and through: whoever changes it afterwards throws. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return value
  for (const key in value) freeze(value[key])
  return Object.freeze(value)
}
