/** A configuration in words: what an admin is shown before signing it. */
import type { Change } from '../../model/governance.ts'
import { printable } from '../terminal.ts'

/** All of it, one fact a line. */
export function describeConfiguration({ settings, overridable, trial }: Change & { kind: 'config' }): string[] {
  const shown = Object.entries(settings).map(([key, value]) => `  ${key} = ${printable(value)}${own(key, overridable)}`)
  const lines = ['settings of the cluster:', ...(shown.length === 0 ? ['  none: each has its default'] : shown)]
  if (trial === undefined) return lines
  const { canaries, forMs, witnesses, before } = trial
  const former = Object.entries(before.settings).map(([key, value]) => `  ${key} = ${printable(value)}`)
  return [
    ...lines,
    `tried for ${forMs / 1000} s by:`,
    ...canaries.map((canary) => `  ${canary}`),
    `given up when one of them is not well, or ${witnesses} others say that it is gone; elsewhere, and then, holds:`,
    ...(former.length === 0 ? ['  the defaults'] : former),
  ]
}

function own(key: string, overridable: readonly string[]): string {
  return overridable.includes(key) ? ' (a node may set it otherwise)' : ''
}
