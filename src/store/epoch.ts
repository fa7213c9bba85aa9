/**
 * The boot epoch that follows `stored`: max(stored + 1, `atLeast`, Unix seconds), so that it rises
 * across restarts, above what peers have seen, and even when an old backup was put back.
 * @throws RangeError when a value is no safe non-negative integer: records could not carry the result
 */
export function epochAfter(stored: number, atLeast: number, unixSeconds: number): number {
  const epoch = Math.max(stored + 1, atLeast, unixSeconds)
  for (const value of [atLeast, unixSeconds, epoch]) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an epoch: ${value}`)
  }
  return epoch
}
