/** Durations as people write them: `90s`, `5m`, `1h30m`, `500ms`, `7d`. */

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Longer than any sensible duration. */
const MAX_LENGTH = 40

/** What a fault in a duration says was expected. */
export const DURATION_EXPECTED = 'a duration, such as 90s, 5m, 2h, 1d, 1h30m or 500ms'

/** Milliseconds, or undefined when the text is no duration. */
export function readDurationMs(text: string): number | undefined {
  if (text === '' || text.length > MAX_LENGTH) return undefined
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  const whole = parts.map(([part]) => part).join('')
  const ms = Math.round(parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS_MS[unit!]!, 0))
  return whole === text && Number.isSafeInteger(ms) ? ms : undefined
}
