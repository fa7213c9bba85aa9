/** A configuration in words: what an admin is shown before signing it. */
import type { CanaryShare, Trial } from '../../model/configuration.ts'
import type { ConfigurationChange } from '../../model/governance.ts'
import { printable } from '../terminal.ts'

/** All of it, one fact a line. */
export function describeConfiguration(change: ConfigurationChange): string[] {
  const { settings, overridable } = change
  const trial: Trial | undefined = change.trial
  const shown = Object.entries(settings).map(([key, value]) => `  ${key} = ${printable(value)}${own(key, overridable)}`)
  const lines = ['settings of the cluster:', ...(shown.length === 0 ? ['  none: each has its default'] : shown)]
  if (trial === undefined) return lines
  const { canaries, forMs, witnesses, before, share } = trial
  const former = Object.entries(before.settings).map(([key, value]) => `  ${key} = ${printable(value)}`)
  return [
    ...lines,
    `tried for ${forMs / 1000} s by${share === undefined ? '' : ` ${shareInWords(canaries.length, share)}`}:`,
    ...canaries.map((canary) => `  ${canary}`),
    `given up when one of them is not well, or ${witnesses} others say that it is gone; elsewhere, and then, holds:`,
    ...(former.length === 0 ? ['  the defaults'] : former),
  ]
}

function own(key: string, overridable: readonly string[]): string {
  return overridable.includes(key) ? ' (a node may set it otherwise)' : ''
}

/** Which share of which nodes so many are. */
export function shareInWords(canaries: number, { selector, percent, of }: CanaryShare): string {
  const labels = selector.trim() === '' ? '' : ` with ${printable(selector)}`
  return `${canaries} of the ${of} nodes${labels} that were up (${percent}%)`
}
