import assert from 'node:assert/strict'
import { judgeIsolation } from '../../../src/diagnosis/isolation.ts'

const WORKS = { works: true, by: 'bwrap', version: '0.8.0' } as const
const MISSING = { works: false, examined: true, why: 'bubblewrap is not installed', fix: 'apt-get install it' } as const

describe('diagnosis: isolation', () => {
  it('is well where it works, and as an ordinary user', () => {
    assert.deepEqual(
      [judgeIsolation(WORKS, 2, false).outcome, judgeIsolation(WORKS, 2, false).found],
      ['ok', 'bwrap 0.8.0'],
    )
  })

  it('is a warning with what to do where guests are and it does not', () => {
    const step = judgeIsolation(MISSING, 1, false)
    assert.deepEqual([step.outcome, step.found, step.fix], ['warning', `none: ${MISSING.why}`, [MISSING.fix]])
    assert.match(step.cause!, /declined/)
  })

  it('is nobody’s concern where there are no guests', () => {
    assert.equal(judgeIsolation(MISSING, 0, false).outcome, 'skipped')
    assert.equal(judgeIsolation(WORKS, 0, true).outcome, 'ok')
  })

  it('warns of guests on a daemon that is root', () => {
    const step = judgeIsolation(WORKS, 1, true)
    assert.equal(step.outcome, 'warning')
    assert.match(step.fix.join(), /ordinary user/)
  })
})
