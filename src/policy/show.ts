/** Values as verdicts show them: short, whatever a submitter sends. */

/** Characters of one value. */
const MAX_LENGTH = 80
/** Entries of a list or map that are shown. */
const MAX_ENTRIES = 8

/** A value in a few words. Of a map only the keys: an environment may hold secrets. */
export function showValue(value: unknown): string {
  return clip(describe(value), MAX_LENGTH)
}

/** At most `length` characters, the last one `…` where something was left out. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

function describe(value: unknown): string {
  if (value === undefined) return 'absent'
  if (typeof value === 'string') return JSON.stringify(clip(value, MAX_LENGTH))
  if (Array.isArray(value)) return `[${list(value.slice(0, MAX_ENTRIES).map(describe), value.length)}]`
  if (value instanceof Map)
    return `{${list([...(value as Map<string, unknown>).keys()].slice(0, MAX_ENTRIES), value.size)}}`
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : typeof value
}

function list(shown: readonly string[], size: number): string {
  return [...shown, ...(size > shown.length ? [`and ${size - shown.length} more`] : [])].join(', ')
}
