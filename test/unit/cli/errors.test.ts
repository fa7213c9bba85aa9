import assert from 'node:assert/strict'
import { CliError, describeError, usageError } from '../../../src/cli/errors.ts'

describe('cli: errors', () => {
  it('shows the cause, the details and the fix', () => {
    const error = new CliError('x', 'it broke', { fix: 'mend it', detail: ['here', 'there'], exitCode: 7 })
    assert.deepEqual(describeError(error), { text: 'althing: it broke\n  here\n  there\n  fix: mend it', exitCode: 7 })
    assert.equal(describeError(usageError('wrong')).exitCode, 2)
  })

  it('knows an error of the daemon, which comes with a class of its own', () => {
    class Foreign extends Error {
      readonly code = 'port-in-use'
      readonly fix = 'take another'
      readonly meta = {}
    }
    const { text, exitCode } = describeError(new Foreign('port 1 is in use'))
    assert.deepEqual([text, exitCode], ['althing: port 1 is in use\n  fix: take another', 1])
  })

  it('shows where a bug is', () => {
    assert.match(describeError(new TypeError('x is not a function')).text, /errors\.test\.ts/)
    assert.equal(describeError('thrown text').text, 'althing: thrown text')
  })
})
