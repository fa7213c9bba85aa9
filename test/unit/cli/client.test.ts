import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { DaemonClient } from '../../../src/cli/client.ts'
import { CliError } from '../../../src/cli/errors.ts'
import { remoteTransport } from '../../../src/cli/remote.ts'
import { makeCertificate, writeCertificate } from '../../support/certificate.ts'

const SHORT = { answerBytes: 1_000, lookingMs: 100, doingMs: 100 }

/** One turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('cli: client', function () {
  this.timeout(5_000)
  let dir: string
  let server: Server
  let client: DaemonClient
  /** What reached the server, as `METHOD path`. */
  let seen: string[]
  /** Sockets of the requests, in order. */
  let connections: Set<unknown>
  let answer: (request: IncomingMessage, response: ServerResponse) => void

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'althing-client-'))
    seen = []
    connections = new Set()
    answer = (request, response) => void request.resume().once('end', () => response.end('"fine"'))
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`)
      connections.add(request.socket)
      answer(request, response)
    })
    server.listen(join(dir, 'a.sock'))
    await once(server, 'listening')
    client = new DaemonClient(join(dir, 'a.sock'))
  })
  afterEach(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
    rmSync(dir, { recursive: true, force: true })
  })

  /** Leaves a connection with the client that the server has closed, which the client cannot know yet. */
  const closeIdle = async (): Promise<void> => {
    assert.equal(await client.get('/first'), 'fine')
    // The connection goes back to the agent a turn after the answer.
    await turn()
    server.closeIdleConnections()
  }
  const gone = (error: unknown): boolean => error instanceof CliError && error.code === 'daemon-gone'

  it('keeps its connection for what only reads', async () => {
    for (const path of ['/a', '/b', '/c']) {
      await client.get(path)
      await turn()
    }
    assert.equal(connections.size, 1)
  })

  it('asks again by a new connection when the kept one is closed at that moment', async () => {
    await closeIdle()
    assert.equal(await client.get('/second'), 'fine')
    assert.deepEqual(seen, ['GET /first', 'GET /second'])
    assert.equal(connections.size, 2)
  })

  it('writes are not sent by a connection that may be closed', async () => {
    for (const write of [
      () => client.post('/job'),
      () => client.delete('/trust'),
      () => client.send('/bundle', 'application/x-tar', Readable.from(['some ', 'bytes'])),
    ]) {
      seen.length = 0
      await closeIdle()
      assert.equal(await write(), 'fine')
      assert.equal(seen.length, 2)
    }
  })

  it('never repeats a write that may have been taken', async () => {
    await client.get('/first')
    await turn()
    answer = (request) => void request.socket.destroy()
    await assert.rejects(client.post('/job'), gone)
    await assert.rejects(client.delete('/trust'), gone)
    assert.deepEqual(seen, ['GET /first', 'POST /job', 'DELETE /trust'])
  })

  it('asks again once, and only if the connection was a kept one', async () => {
    await client.get('/first')
    await turn()
    answer = (request) => void request.socket.destroy()
    await assert.rejects(client.get('/kept'), gone)
    assert.deepEqual(seen, ['GET /first', 'GET /kept', 'GET /kept'])
    await assert.rejects(client.get('/new'), gone)
    assert.deepEqual(seen.slice(3), ['GET /new'])
  })

  it('does not ask again once the answer has begun, or when it is told to stop', async () => {
    await client.get('/first')
    await turn()
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': 9 })
      response.write('"f', () => request.socket.destroy())
    }
    await assert.rejects(client.get('/half'), gone)
    assert.deepEqual(seen, ['GET /first', 'GET /half'])
    answer = (request, response) => void request.resume().once('end', () => response.end('"fine"'))
    await closeIdle()
    await assert.rejects(client.get('/aborted', AbortSignal.abort()), { name: 'AbortError' })
    assert.ok(!seen.includes('GET /aborted'))
  })

  it('gives up one that says nothing, but waits for what takes its time', async () => {
    const hasty = new DaemonClient(join(dir, 'a.sock'), 64, SHORT)
    answer = () => {}
    for (const asked of [hasty.get('/nodes'), hasty.post('/trust'), hasty.delete('/trust')])
      await assert.rejects(asked, { code: 'silent' })
    answer = (_request, response) => void response.writeHead(200).write('"')
    await assert.rejects(hasty.get('/half'), { code: 'silent' })
    answer = (_request, response) => void setTimeout(() => response.end('"ended"'), 3 * SHORT.lookingMs)
    assert.equal(await hasty.waitFor('/task?wait=ended'), 'ended')
  })

  it('reads no more than an answer may have', async () => {
    const hasty = new DaemonClient(join(dir, 'a.sock'), 64, SHORT)
    answer = (_request, response) => void response.end(JSON.stringify('x'.repeat(998)))
    assert.equal((await hasty.get<string>('/most')).length, 998)
    answer = (_request, response) => void response.end(JSON.stringify('x'.repeat(999)))
    await assert.rejects(hasty.get('/more'), { code: 'too-large' })
  })

  describe('of another machine', () => {
    const remote = (made: Server, scheme: string, caFile?: string) => {
      const { port } = made.address() as AddressInfo
      return new DaemonClient(remoteTransport({ api: `${scheme}://localhost:${port}`, token: { text: 'x' }, caFile }))
    }
    let other: Server
    const listening = async (made: Server): Promise<Server> => {
      other = made.listen(0, 'localhost')
      await once(other, 'listening')
      return other
    }
    afterEach(() => {
      other.closeAllConnections()
      other.close()
    })

    it('what answers and is none: the fix names the address, not a socket', async () => {
      const html = await listening(createServer((_request, response) => void response.end('<html>')))
      await assert.rejects(remote(html, 'http').get('/v1/status'), ({ code, fix }: CliError) => {
        assert.match(fix!, /--api/)
        assert.doesNotMatch(fix!, /--socket/)
        return code === 'not-althing'
      })
    })

    it('one that breaks off is gone; one that keeps us out before TLS is none', async () => {
      const certificate = makeCertificate(['localhost'])
      const { certFile } = writeCertificate(dir, certificate)
      const { cert, key } = certificate
      const rude = await listening(createSecure({ cert, key }, (request) => void request.socket.destroy()))
      await assert.rejects(remote(rude, 'https', certFile).get('/v1/status'), gone)
      rude.close()
      const shut = await listening(createSecure({ cert, key }))
      shut.on('connection', (socket) => socket.destroy())
      await assert.rejects(remote(shut, 'https', certFile).get('/v1/status'), { code: 'no-daemon' })
    })
  })
})
