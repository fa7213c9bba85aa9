/**
 * Amounts as people write them: the quantity grammar of Kubernetes.
 *
 * `2`, `0.5`, `500m` for CPU; `512Mi`, `1G`, `1.5Gi`, `1e9` for bytes. Parsed with exact integer
 * arithmetic and rounded up, as Kubernetes does: `1.1` CPU is 1100m, never 1101m.
 * Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
import { AlthingError } from '../util/errors.ts'

/** An amount that does not parse: says what was written, what was `meta.expected`, and `meta.why` it is not that. */
export class QuantityError extends AlthingError<'bad-quantity'> {}

/** The value of a suffix as numerator and denominator. */
const SUFFIXES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  n: [1n, 10n ** 9n],
  u: [1n, 10n ** 6n],
  m: [1n, 1000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [2n ** 10n, 1n],
  Mi: [2n ** 20n, 1n],
  Gi: [2n ** 30n, 1n],
  Ti: [2n ** 40n, 1n],
  Pi: [2n ** 50n, 1n],
  Ei: [2n ** 60n, 1n],
}

const GRAMMAR = /^\+?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2})|([a-zA-Z]{1,2}))?$/
/** Longer than any sensible amount; keeps the arithmetic small. */
const MAX_LENGTH = 40

const CPU_EXPECTED = 'a CPU amount such as 2, 0.5 or 500m'
const BYTES_EXPECTED = 'an amount of bytes such as 512Mi, 1.5Gi, 1G or 1e9'

function refuse(text: string, expected: string, why: string): never {
  throw new QuantityError(
    'bad-quantity',
    `${JSON.stringify(text.slice(0, MAX_LENGTH + 1))} is not ${expected}: ${why}`,
    {
      fix: `write ${expected}`,
      meta: { text: text.slice(0, MAX_LENGTH + 1), expected, why },
    },
  )
}

/** The amount times `scale`, rounded up to a whole number. */
function parseScaled(text: string, scale: bigint, expected: string): number {
  if (text.length > MAX_LENGTH) refuse(text, expected, `longer than ${MAX_LENGTH} characters`)
  if (text.startsWith('-')) refuse(text, expected, 'it is negative')
  const match = GRAMMAR.exec(text)
  const [, whole = '', fraction = '', exponent, suffix = ''] = match ?? []
  if (match === null || whole + fraction === '') refuse(text, expected, 'it does not start with a number')
  const unit = Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined
  if (unit === undefined) {
    refuse(text, expected, `unknown suffix ${suffix} (known: ${Object.keys(SUFFIXES).filter(Boolean).join(' ')})`)
  }
  const power = exponent === undefined ? 0 : Number(exponent)
  const numerator = BigInt(whole + fraction) * scale * unit[0] * (power > 0 ? 10n ** BigInt(power) : 1n)
  const denominator = 10n ** BigInt(fraction.length) * unit[1] * (power < 0 ? 10n ** BigInt(-power) : 1n)
  const amount = (numerator + denominator - 1n) / denominator
  if (amount > BigInt(Number.MAX_SAFE_INTEGER)) refuse(text, expected, 'it is too large')
  return Number(amount)
}

/** CPU in thousandths of a core. @throws QuantityError */
export function parseCpuMilli(text: string): number {
  return parseScaled(text, 1000n, CPU_EXPECTED)
}

/** Bytes. @throws QuantityError */
export function parseBytes(text: string): number {
  return parseScaled(text, 1n, BYTES_EXPECTED)
}

/** For people, in cores: `2`, `0.5`, `1.25`. */
export function formatCpu(milli: number): string {
  return String(milli / 1000)
}

/** For people, in binary units, at most two decimals: `1.5 GiB`, `64 MiB`, `812 B`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  // Rounding first keeps 1023.999 KiB from showing as 1024 KiB.
  while (unit < units.length - 1 && Math.round(value * 100) / 100 >= 1024) {
    value /= 1024
    unit++
  }
  return `${Math.round(value * 100) / 100} ${units[unit]}`
}
