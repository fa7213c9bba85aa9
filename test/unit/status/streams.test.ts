import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type { LogLine } from '../../../src/model/api.ts'
import { askStream } from '../../support/http.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

/** Collects the lines of a response as they come. */
function linesOf(response: IncomingMessage): string[] {
  const lines: string[] = []
  createInterface({ input: response }).on('line', (line) => lines.push(line))
  response.on('error', () => {})
  return lines
}

function submit(status: StatusFixture): string {
  status.operations.script = undefined
  const spec = { command: ['x'], resources: { cpuMilli: 1, memoryBytes: 1 } } as never
  return status.operations.submit({ spec, count: 1, placeTimeoutMs: 1 }).taskIds[0]!
}

describe('status: events', () => {
  let status: StatusFixture
  afterEach(() => status.stop())
  const open = (headers: Record<string, string> = {}) =>
    askStream({ socketPath: status.socketPath, path: '/v1/events', headers })

  it('sends each event with its id and type', async () => {
    status = await startStatus()
    const response = await open()
    assert.match(response.headers['content-type']!, /^text\/event-stream/)
    const lines = linesOf(response)
    await until('subscribed', () => status.operations.listeners.size === 1)
    status.operations.emitEvent({ type: 'node', subject: 'p1', what: 'ready' })
    await until('the event', () => lines.includes('event: node'))
    const [event] = status.operations.events
    assert.deepEqual(lines.filter(Boolean), ['retry: 2000', 'id: 1', 'event: node', `data: ${JSON.stringify(event)}`])
    response.destroy()
    await until('unsubscribed', () => status.operations.listeners.size === 0)
  })

  it('joins news, and lets what somebody waits for leave at once behind what was told before', async () => {
    status = await startStatus()
    const response = await open()
    const chunks: string[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
    await until('subscribed', () => status.operations.listeners.size === 1)
    await until('the head', () => chunks.length > 0)
    chunks.length = 0
    for (const what of ['queued', 'awarded', 'running'])
      status.operations.emitEvent({ type: 'task', subject: 't', what })
    status.operations.emitEvent({ type: 'job', subject: 'j', what: 'settled' })
    await until('all', () => /"settled"/.test(chunks.join('')))
    assert.deepEqual(
      chunks.map((chunk) => [...chunk.matchAll(/"what":"(\w+)"/g)].map(([, what]) => what)),
      [['queued', 'awarded', 'running'], ['settled']],
    )
  })

  it('continues after Last-Event-ID, and refuses one that is none', async () => {
    status = await startStatus()
    for (const what of ['joining', 'ready', 'offline'])
      status.operations.emitEvent({ type: 'node', subject: 'p1', what })
    const response = await open({ 'last-event-id': '1' })
    const lines = linesOf(response)
    await until('the third', () => lines.includes('id: 3'))
    assert.deepEqual(
      lines.filter((line) => line.startsWith('id')),
      ['id: 2', 'id: 3'],
    )
    response.destroy()
    const refused = await status.ask({ path: '/v1/events', headers: { 'last-event-id': 'x' } })
    assert.equal(refused.status, 400)
  })

  it('keeps a silent stream awake', async () => {
    status = await startStatus({ eventLimits: { keepAliveMs: 5 } })
    const response = await open()
    const lines = linesOf(response)
    await until('two comments', () => lines.filter((line) => line === ': keep-alive').length >= 2)
    response.destroy()
  })

  it('takes only so many followers', async () => {
    status = await startStatus({ eventLimits: { maxSubscribers: 2 } })
    const two = [await open(), await open()]
    const refused = await status.ask({ path: '/v1/events' })
    assert.deepEqual([refused.status, refused.json()['code']], [503, 'too-many-subscribers'])
    two[0]!.destroy()
    await until('one has left', () => status.operations.listeners.size === 1)
    const again = await open()
    assert.equal(again.statusCode, 200)
    for (const response of [two[1]!, again]) response.destroy()
  })

  it('cuts off a client that does not read, instead of keeping everything for it', async () => {
    status = await startStatus({ eventLimits: { maxBufferedBytes: 64 * 1024 } })
    const response = await open()
    response.on('error', () => {})
    const closed = new Promise((resolve) => response.once('close', resolve))
    response.pause()
    await until('subscribed', () => status.operations.listeners.size === 1)
    for (let n = 0; n < 2_000 && status.operations.listeners.size === 1; n++) {
      status.operations.emitEvent({ type: 'node', subject: 'p'.repeat(1000), what: 'ready' })
    }
    assert.equal(status.operations.listeners.size, 0)
    assert.ok(status.operations.events.length < 1_000, 'it is dropped near the limit')
    response.resume()
    await closed
  })

  it('ends the streams when the server stops', async () => {
    status = await startStatus()
    const response = await open()
    const ended = once(response, 'end')
    response.resume()
    const startedAt = performance.now()
    await status.server.stop()
    await ended
    assert.ok(performance.now() - startedAt < 400, 'without waiting for the deadline')
    assert.equal(status.operations.listeners.size, 0)
  })
})

describe('status: logs', () => {
  let status: StatusFixture
  beforeEach(async () => {
    status = await startStatus()
  })
  afterEach(() => status.stop())
  const open = (id: string, query: string) =>
    askStream({ socketPath: status.socketPath, path: `/v1/tasks/${id}/logs?${query}` })

  it('follows a task from before its start to its end, byte for byte', async () => {
    const id = submit(status)
    const response = await open(id, 'follow=true')
    assert.equal(response.headers['content-type'], 'application/x-ndjson')
    const lines = linesOf(response)
    status.operations.start(id)
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    status.operations.write(id, 'stdout', bytes)
    await until('the first line, while the task runs', () => lines.length === 1)
    status.operations.write(id, 'stderr', 'oops')
    status.operations.end(id, {})
    await once(response, 'end')
    await until('both lines', () => lines.length === 2)
    const parsed = lines.map((line) => JSON.parse(line) as LogLine)
    assert.deepEqual([...Buffer.from(parsed[0]!.data, 'base64')], [...bytes])
    assert.deepEqual(
      parsed.map(({ stream }) => stream),
      ['stdout', 'stderr'],
    )
  })

  it('gives one stream, and ends at once without follow', async () => {
    const id = submit(status)
    status.operations.start(id)
    status.operations.write(id, 'stdout', 'out')
    status.operations.write(id, 'stderr', 'err')
    const answer = await status.ask({ path: `/v1/tasks/${id}/logs?stream=stderr` })
    assert.deepEqual(
      answer.text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as LogLine).stream),
      ['stderr'],
    )
  })

  it('stops reading when the client goes', async () => {
    const id = submit(status)
    const response = await open(id, 'follow=true')
    await until('it is read', () => status.operations.logReaders === 1)
    response.on('error', () => {})
    response.destroy()
    await until('it is let go', () => status.operations.logReaders === 0)
  })

  it('reads no faster than the client', async () => {
    const id = submit(status)
    let read = 0
    const chunk = Buffer.alloc(48 * 1024).toString('base64')
    status.operations.logs = async function* () {
      for (; read < 1_000; read++) yield { attempt: 1, stream: 'stdout', offset: 0, data: chunk }
    }
    const response = await open(id, 'follow=true')
    response.pause()
    let before = -1
    await until('it stands still', () => {
      const still = read === before && read > 0
      before = read
      return still
    })
    assert.ok(read < 200, `read ${read} of 1000 chunks ahead`)
    response.resume()
    await once(response, 'end')
    assert.equal(read, 1_000)
  })

  it('says in the last line why the rest cannot be had, so that it does not look complete', async () => {
    const id = submit(status)
    status.operations.logs = async function* () {
      yield { attempt: 1, stream: 'stdout', offset: 0, data: '' }
      throw new Error('the disk broke')
    }
    const response = await open(id, 'follow=true')
    const lines = linesOf(response)
    await once(response, 'end')
    await until('both lines', () => lines.length === 2)
    assert.deepEqual(JSON.parse(lines[1]!), { error: { code: 'log-unavailable', detail: 'the disk broke' } })
  })

  it('ends followed logs when the server stops', async () => {
    const id = submit(status)
    const response = await open(id, 'follow=true')
    response.resume()
    const ended = once(response, 'end')
    await status.server.stop()
    await ended
  })
})
