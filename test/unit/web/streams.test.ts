import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readEvents, readLines } from '../../../web/src/streams.ts'

/** A body that arrives in the given chunks. */
function bodyOf(...chunks: readonly (string | Uint8Array)[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks)
        controller.enqueue(new Uint8Array(typeof chunk === 'string' ? encoder.encode(chunk) : chunk))
      controller.close()
    },
  })
}

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

describe('web: streams', () => {
  it('cuts lines at LF, CRLF and CR, wherever the chunks end', async () => {
    assert.deepEqual(await collect(readLines(bodyOf('a\nb\r\nc\rd'))), ['a', 'b', 'c', 'd'])
    assert.deepEqual(await collect(readLines(bodyOf('a\r', '\nb\n', '\nc'))), ['a', 'b', '', 'c'])
  })

  it('gives the same lines however the bytes are cut into chunks', async () => {
    const lines = fc.array(
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, '')),
      { minLength: 1 },
    )
    await fc.assert(
      fc.asyncProperty(lines, fc.integer({ min: 1, max: 7 }), async (wanted, size) => {
        const bytes = new TextEncoder().encode(wanted.map((line) => `${line}\r\n`).join(''))
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        )
        assert.deepEqual(await collect(readLines(bodyOf(...chunks))), wanted)
      }),
      { numRuns: 200 },
    )
  })

  it('parses events: ids stay, comments and retry go, data lines join, events without data are dropped', async () => {
    const body = bodyOf(
      'retry: 2000\n\n: keep-alive\n\nid: 7\nevent: node\ndata: {"a":\ndata: 1}\n\n' +
        'event: x\n\ndata:tight\n\ndata: cut off',
    )
    assert.deepEqual(await collect(readEvents(body)), [
      { id: '7', event: 'node', data: '{"a":\n1}' },
      { id: '7', event: 'message', data: 'tight' },
    ])
  })
})
