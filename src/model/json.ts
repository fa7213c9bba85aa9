/**
 * What may travel as free data: exactly what JSON can say.
 *
 * The canonical codec could carry bytes as well, but such data would be lost in the API and in files.
 */

/** JSON can say it, but the wire refuses it: as a property of its own it is harmless until somebody copies it. */
const FORBIDDEN_KEY = '__proto__'

/**
 * Where the first thing stands that cannot travel (a Date, bytes, NaN, undefined, a class instance, a key `__proto__`).
 * @returns the path to it, or undefined when all of `value` is JSON that can travel
 */
export function pathOfNonJson(value: unknown): PropertyKey[] | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : []
    case 'object':
      return value === null ? undefined : pathInside(value)
    default:
      return []
  }
}

function pathInside(value: object): PropertyKey[] | undefined {
  if (!Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return []
  }
  for (const [key, child] of Object.entries(value)) {
    const path = key === FORBIDDEN_KEY ? [] : pathOfNonJson(child)
    if (path !== undefined) return [Array.isArray(value) ? Number(key) : key, ...path]
  }
  return undefined
}
