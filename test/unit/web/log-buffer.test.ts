import assert from 'node:assert/strict'
import { LogBuffer, stripAnsi } from '../../../web/src/log-buffer.ts'

const chunk = (data: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout', attempt = 1) => ({
  attempt,
  stream,
  data: Buffer.from(data).toString('base64'),
})
const texts = (buffer: LogBuffer) => buffer.take().map(({ kind, text }) => `${kind}: ${text}`)

describe('web: log buffer', () => {
  it('takes out colours, cursor movements, titles and control characters', () => {
    assert.equal(
      stripAnsi('\u001B[1;32mgreen\u001B[0m \u001B]0;title\u0007text\u001B[2K\u001B(B\u0008\ttab'),
      'green text\ttab',
    )
    assert.equal(stripAnsi('\u001B]8;;http://x\u001B\\link\u001B]8;;\u001B\\'), 'link')
  })

  it('keeps the lines of stdout and stderr apart while both are open', () => {
    const buffer = new LogBuffer(100)
    buffer.add(chunk('half '))
    buffer.add(chunk('oops\n', 'stderr'))
    buffer.add(chunk('whole\nnext\n'))
    assert.deepEqual(texts(buffer), ['stdout: half whole', 'stderr: oops', 'stdout: next'])
  })

  it('gives an open line again under the same key when it grows', () => {
    const buffer = new LogBuffer(100)
    buffer.add(chunk('a'))
    const [before] = buffer.take()
    buffer.add(chunk('b\n'))
    const [after] = buffer.take()
    assert.equal(after?.key, before?.key)
    assert.equal(after?.text, 'ab')
    assert.deepEqual(buffer.take(), [])
  })

  it('joins characters that were cut between two chunks', () => {
    const buffer = new LogBuffer(100)
    const bytes = Buffer.from('Þing\n')
    buffer.add(chunk(bytes.subarray(0, 1)))
    buffer.add(chunk(bytes.subarray(1)))
    assert.deepEqual(texts(buffer), ['stdout: Þing'])
  })

  it('shows the last state of a progress bar', () => {
    const buffer = new LogBuffer(100)
    buffer.add(chunk('10 %\r'))
    buffer.add(chunk('55 %\r'))
    assert.deepEqual(texts(buffer), ['stdout: 55 %'])
    buffer.add(chunk('done\r\n'))
    assert.deepEqual(texts(buffer), ['stdout: done'])
  })

  it('begins a new line for a new attempt, and says which', () => {
    const buffer = new LogBuffer(100)
    buffer.add(chunk('cut off'))
    buffer.add(chunk('again\n', 'stdout', 2))
    assert.deepEqual(texts(buffer), ['stdout: cut off', 'note: attempt 2', 'stdout: again'])
  })

  it('cuts a line without end into pieces, and keeps the newest lines when too many come at once', () => {
    const long = new LogBuffer(100)
    long.add(chunk('x'.repeat(10_000)))
    assert.deepEqual(
      long.take().map(({ text }) => text.length),
      [4000, 4000, 2000],
    )
    const many = new LogBuffer(3)
    many.add(chunk(Array.from({ length: 10 }, (_, index) => `${index}\n`).join('')))
    assert.deepEqual(texts(many), ['stdout: 7', 'stdout: 8', 'stdout: 9'])
    assert.equal(many.dropped, 7)
  })
})
