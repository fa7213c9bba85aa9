import assert from 'node:assert/strict'
import {
  formatAge,
  formatBytes,
  formatCommand,
  formatCores,
  formatDuration,
  formatExit,
  formatWhen,
  shortPeer,
} from '../../../web/src/format.ts'

const table = <T>(format: (value: T) => string, cases: readonly (readonly [T, string])[]) => {
  for (const [value, wanted] of cases) assert.equal(format(value), wanted)
}

describe('web: format', () => {
  it('writes bytes in the unit that leaves few digits', () => {
    table(formatBytes, [
      [0, '0 B'],
      [1023, '1023 B'],
      [1024, '1 KiB'],
      [1536, '1.5 KiB'],
      [1024 ** 2 - 1, '1 MiB'],
      [134 * 1024 ** 3, '134 GiB'],
    ])
  })

  it('writes cores without needless zeros', () => {
    table(formatCores, [
      [0, '0'],
      [500, '0.5'],
      [250, '0.25'],
      [2000, '2'],
      [10_000, '10'],
    ])
  })

  it('writes spans in their two largest units', () => {
    table(formatDuration, [
      [0, '0 ms'],
      [999, '999 ms'],
      [1000, '1 s'],
      [3240, '3.2 s'],
      [9999, '10 s'],
      [59_700, '1 min'],
      [250_000, '4 min 10 s'],
      [3_600_000, '1 h'],
      [7_500_000, '2 h 5 min'],
      [273_600_000, '3 d 4 h'],
    ])
    table(formatAge, [
      [-5, '0 s'],
      [59_999, '59 s'],
      [60_000, '1 min'],
      [90_000_000, '1 d'],
    ])
  })

  it('quotes a command as a shell needs it', () => {
    table<string[]>(formatCommand, [
      [['wc', '-w', 'data/a.txt'], 'wc -w data/a.txt'],
      [['sh', '-c', "echo 'hi' $X"], String.raw`sh -c 'echo '\''hi'\'' $X'`],
      [['x', ''], "x ''"],
    ])
  })

  it('says how a task ended', () => {
    assert.equal(formatExit({ exitCode: 0 }), '0')
    assert.equal(formatExit({ exitCode: 137, signal: 'SIGKILL', killedFor: 'memory' }), 'SIGKILL (out of memory)')
    assert.equal(formatExit({ exitCode: 127, startError: 'no such file' }), 'did not start')
  })

  it('shows where peer ids begin to differ, and the date only for other days', () => {
    assert.equal(shortPeer('12D3KooWQaLphaH7nK2mVzWq9x'), '12D3…2mVzWq9x')
    const at = new Date(2026, 2, 4, 5, 6, 7, 8).getTime()
    assert.equal(formatWhen(at, at + 1000), '05:06:07.008')
    assert.equal(formatWhen(at, at + 86_400_000), '2026-03-04 05:06:07.008')
  })
})
