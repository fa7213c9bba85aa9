/**
 * What may travel as free data: exactly what JSON can say.
 *
 * The canonical codec could carry bytes as well, but such data would be lost in the API and in files.
 */

/**
 * Where the first thing stands that JSON cannot say (a Date, bytes, NaN, undefined, a class instance).
 * @returns the path to it, or undefined when all of `value` is JSON
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
    const path = pathOfNonJson(child)
    if (path !== undefined) return [Array.isArray(value) ? Number(key) : key, ...path]
  }
  return undefined
}
