/** What RFC 9110 and 9112 ask of a server, in bytes that no HTTP client would send. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Problem } from '../../../src/model/api.ts'
import { startStatus, TOKEN, type StatusFixture } from '../../support/status-fixture.ts'

describe('status: HTTP', function () {
  this.timeout(10_000)
  let status: StatusFixture
  before(async () => {
    status = await startStatus()
  })
  after(() => status.stop())

  const open = (): Socket => connect(status.socketPath)
  /** Sends the bytes and reads until the server closes. */
  const say = async (bytes: string, socket = open()): Promise<{ head: string; body: string; whole: string }> => {
    socket.write(bytes, 'latin1')
    const whole = await text(socket)
    const [head = '', body = ''] = whole.split('\r\n\r\n')
    return { head, body, whole }
  }
  const get = (target: string, ...lines: string[]) =>
    say([`GET ${target} HTTP/1.1`, 'Connection: close', ...lines, '', ''].join('\r\n'))

  describe('a method that a path does not have', () => {
    for (const [method, path, allow] of [
      ['PUT', '/v1/status', 'GET'],
      ['HEAD', '/v1/status', 'GET'],
      ['DELETE', '/v1/trust', 'GET, POST'],
      ['POST', '/livez', 'GET, HEAD'],
      ['OPTIONS', '/v1/jobs', 'POST'],
    ] as const) {
      it(`${method} ${path}: the answer allows ${allow}`, async () => {
        const headers = { 'content-type': 'application/json' }
        const answer = await status.ask({ method, path, headers, ...(method === 'POST' && { body: '{}' }) })
        assert.deepEqual([answer.status, answer.headers.allow], [405, allow])
      })
    }
  })

  describe('an absolute target', () => {
    const code = ({ head, body }: { head: string; body: string }): unknown =>
      head.startsWith('HTTP/1.1 200') ? 200 : (JSON.parse(body) as Problem).code
    const loopback = (target: string, host = `127.0.0.1:${status.port}`) =>
      say(
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n\r\n`,
        connect(status.port, '127.0.0.1'),
      )

    it('means its path and query', async () => {
      assert.equal(code(await get('http://althing/v1/status', 'Host: althing')), 200)
      assert.equal(code(await get('HTTP://althing/v1/nodes?all=true', 'Host: althing')), 200)
      assert.equal(code(await get('http://althing/v1/nodes?limit=3', 'Host: althing')), 'invalid')
      assert.equal(code(await get('http://althing', 'Host: althing')), 200, 'the page')
      assert.equal(code(await get('http://althing?token=x', 'Host: althing')), 200, 'the page')
    })

    it('names the host in place of the header, for the guards too', async () => {
      const own = `http://localhost:${status.port}/v1/status`
      assert.equal(code(await loopback(own)), 200)
      assert.equal(code(await loopback(own, 'evil.example')), 200)
      assert.equal(code(await loopback('http://evil.example/v1/status')), 'wrong-host')
      assert.equal(code(await loopback(`http://evil@127.0.0.1:${status.port}/v1/status`)), 'wrong-host')
      assert.equal(code(await loopback(`${own}?token=x`)), 'token-in-url')
    })

    it('of another scheme is no path here', async () => {
      assert.equal(code(await get('https://althing/v1/status', 'Host: althing')), 'no-such-path')
    })
  })

  describe('what is no request is answered as a problem, and the connection closed', () => {
    const refused = async (bytes: string, code: string, statusCode: number, detail?: RegExp): Promise<void> => {
      const { head, body } = await say(bytes)
      assert.match(head, new RegExp(`^HTTP/1.1 ${statusCode} `))
      assert.match(head, /^content-type: application\/problem\+json$/im)
      assert.match(head, /^connection: close$/im)
      assert.match(head, /^x-content-type-options: nosniff$/im)
      assert.match(head, new RegExp(`^content-length: ${Buffer.byteLength(body)}$`, 'im'))
      const problem = JSON.parse(body) as Problem
      assert.deepEqual([problem.code, problem.status], [code, statusCode])
      if (detail !== undefined) assert.match(problem.detail!, detail)
    }

    it('no method, no version, no header, a broken chunk', async () => {
      await refused('NONSENSE\r\n\r\n', 'bad-request', 400, /no HTTP request: .*method/)
      await refused('GET /livez\x01 HTTP/1.1\r\n\r\n', 'bad-request', 400)
      await refused('GET /livez HTTP/9.9\r\n\r\n', 'bad-request', 400, /version/)
      await refused('GET /livez HTTP/1.1\r\nno colon\r\n\r\n', 'bad-request', 400, /header/)
      await refused('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'bad-request', 400)
      const head = 'POST /v1/trust HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
      await refused(`${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 'bad-request', 400, /chunk size/)
    })

    it('no Host, or two', async () => {
      await refused('GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 'bad-request', 400, /one Host header, found 0/)
      const two = 'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n'
      await refused(two, 'bad-request', 400, /one Host header, found 2/)
      const old = await say('GET /livez HTTP/1.0\r\n\r\n')
      assert.match(old.head, /^HTTP\/1.1 200 /, 'HTTP/1.0 has none')
    })

    it('headers without end', async () => {
      const lines = `x: ${'y'.repeat(20_000)}\r\n`
      await refused(`GET /livez HTTP/1.1\r\nHost: a\r\n${lines}`, 'headers-too-large', 431, /16 KiB/)
    })

    it('says nothing into the middle of another answer', async () => {
      const socket = open()
      socket.write('GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n')
      await new Promise((resolve) => socket.once('data', resolve))
      const { whole } = await say('NONSENSE\r\n\r\n', socket)
      assert.doesNotMatch(whole, /HTTP\/1.1 400|bad-request/)
    })
  })

  it('closes a connection whose headers do not come, with a problem', async () => {
    const slow = await startStatus({ headersTimeoutMs: 50 })
    const socket = connect(slow.socketPath)
    const { head, body } = await say('GET /livez HTTP/1.1\r\n', socket)
    await slow.stop()
    assert.match(head, /^HTTP\/1.1 408 /)
    assert.equal((JSON.parse(body) as Problem).code, 'too-slow')
  })
})
