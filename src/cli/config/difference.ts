/** What differs between two configurations, setting by setting. */
import type { Configuration } from '../../model/configuration.ts'

/** One setting that differs; absent where it is not set. */
export interface Difference {
  readonly key: string
  readonly before?: string
  readonly after?: string
}

/** In the order of the keys. A setting that nodes may set otherwise says so. */
export function differences(a: Configuration, b: Configuration): Difference[] {
  const keys = [...new Set([...Object.keys(a.settings), ...Object.keys(b.settings)])].toSorted()
  return keys.flatMap((key) => {
    const [before, after] = [shown(a, key), shown(b, key)]
    if (before === after) return []
    return [{ key, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }]
  })
}

function shown({ settings, overridable }: Configuration, key: string): string | undefined {
  const value = Object.hasOwn(settings, key) ? settings[key] : undefined
  return value !== undefined && overridable.includes(key) ? `${value} (overridable)` : value
}
