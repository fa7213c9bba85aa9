/** What JSON of others holds, looked at by hand: a library of schemas would be nine tenths of `jwt.cjs`. */

/** An object; undefined for anything else. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : undefined
}

/** A text that may be missing; null for anything else, and for one that is empty or too long. */
export function textOf(value: unknown, mostChars: number): string | undefined | null {
  if (value === undefined) return undefined
  return typeof value === 'string' && value !== '' && value.length <= mostChars ? value : null
}
