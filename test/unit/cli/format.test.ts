import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatDuration, formatRatio, formatRtt, parseDurationMs, shortPeer } from '../../../src/cli/format.ts'

describe('cli: durations', () => {
  const good: [string, number][] = [
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1_500],
    ['1m500ms', 60_500],
    ['0s', 0],
  ]
  for (const [text, ms] of good) it(`reads ${text}`, () => assert.equal(parseDurationMs(text), ms))
  for (const text of ['', '-5s', '5 m', '5x', 's', '1h-', '99999999999999999d']) {
    it(`refuses ${JSON.stringify(text)}, saying how to write it`, () => {
      assert.throws(() => parseDurationMs(text), { code: 'usage', message: /such as 90s, 5m/ })
    })
  }

  it('refuses a bare number, which some would read as seconds and others as milliseconds', () => {
    assert.throws(() => parseDurationMs('90'), { code: 'usage', message: 'give a unit, such as 90s or 90m' })
  })

  it('shows them in at most two units', () => {
    const shown: [number, string][] = [
      [-5, '0ms'],
      [450, '450ms'],
      [2_500, '2.5s'],
      [9_999, '9.9s'],
      [65_000, '1m5s'],
      [3_600_000, '1h'],
      [90_061_000, '1d1h'],
    ]
    for (const [ms, text] of shown) assert.equal(formatDuration(ms), text)
  })

  it('reads back what it shows of whole units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 59 }), fc.constantFrom('s', 'm'), (n, unit) => {
        assert.equal(formatDuration(parseDurationMs(`${n}${unit}`)), `${n}${unit}`)
      }),
    )
  })
})

describe('cli: small formats', () => {
  it('shows shares and peers', () => {
    assert.deepEqual([formatRatio(0.256), formatRatio(undefined)], ['26%', '-'])
    assert.deepEqual([shortPeer('12D3KooWabcdefgh'), shortPeer('short')], ['…abcdefgh', 'short'])
  })
})

describe('cli: round trips', () => {
  it('are as exact as they are short, and estimates say how far off they may be', () => {
    const texts = [0.042, 0.42, 1, 7.46, 9.96, 76.4].map((ms) => formatRtt({ ms }))
    assert.deepEqual(texts, ['0.04 ms', '0.42 ms', '1.0 ms', '7.5 ms', '10.0 ms', '76 ms'])
    assert.equal(formatRtt({ ms: 152.7, error: 0.123 }), '153 ms ±12%')
  })
})
