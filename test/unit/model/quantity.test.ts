import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatBytes, formatCpu, parseBytes, parseCpuMilli, QuantityError } from '../../../src/model/quantity.ts'

describe('model/quantity', () => {
  const cpu: [string, number][] = [
    ['2', 2000],
    ['0.5', 500],
    ['500m', 500],
    ['.5', 500],
    ['1.', 1000],
    ['1.1', 1100],
    ['0.0001', 1],
    ['100u', 1],
    ['0', 0],
    ['+1', 1000],
    ['1k', 1_000_000],
    ['1e2', 100_000],
    ['15E-1', 1500],
  ]
  for (const [text, milli] of cpu) it(`${text} CPU is ${milli}m`, () => assert.equal(parseCpuMilli(text), milli))

  const bytes: [string, number][] = [
    ['1Gi', 2 ** 30],
    ['512Mi', 512 * 2 ** 20],
    ['1e9', 1e9],
    ['1E9', 1e9],
    ['1G', 1e9],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['0.1Gi', 107_374_183],
    ['1500m', 2],
    ['128974848', 128_974_848],
    ['129M', 129e6],
    ['0.001Ei', 1_152_921_504_606_847],
    ['1Ki', 1024],
    ['1k', 1000],
    ['0', 0],
  ]
  for (const [text, count] of bytes) it(`${text} is ${count} bytes`, () => assert.equal(parseBytes(text), count))

  for (const text of [
    '',
    ' 1',
    '1 Gi',
    'abc',
    '-1',
    '1gi',
    '1K',
    '1e',
    '1e100',
    '0x10',
    '1Gi2',
    '.',
    '9999999999Ei',
    '1'.repeat(41),
    'Infinity',
    '1e9Gi',
    '٣',
  ]) {
    it(`refuses ${JSON.stringify(text)} by name`, () => {
      for (const parse of [parseBytes, parseCpuMilli]) {
        assert.throws(
          () => parse(text),
          (error: unknown) => {
            assert.ok(error instanceof QuantityError)
            assert.ok(error.message.includes(JSON.stringify(text.slice(0, 41))), error.message)
            assert.match(error.message, /is not (a CPU amount|an amount of bytes) such as/)
            return true
          },
        )
      }
    })
  }

  it('reads back every whole number of thousandths and bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        assert.equal(parseBytes(String(n)), n)
        assert.equal(parseCpuMilli(`${n}m`), n)
      }),
    )
  })

  it('formats for people', () => {
    assert.equal(formatBytes(0), '0 B')
    assert.equal(formatBytes(1023), '1023 B')
    assert.equal(formatBytes(1024), '1 KiB')
    assert.equal(formatBytes(1.5 * 2 ** 30), '1.5 GiB')
    assert.equal(formatBytes(64 * 2 ** 20), '64 MiB')
    assert.equal(formatBytes(2 ** 20 - 1), '1 MiB')
    assert.equal(formatCpu(2000), '2')
    assert.equal(formatCpu(1250), '1.25')
    assert.equal(formatCpu(1), '0.001')
  })
})
