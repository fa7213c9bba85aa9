import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import type { RemotePlace } from '../../../src/node/api-options.ts'
import { ListenError, type ListenErrorCode } from '../../../src/status/listen.ts'
import { MOST_PER_ADDRESS } from '../../../src/status/remote/library.ts'
import type { StatusServerOptions } from '../../../src/status/server.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { SILENT } from '../../../src/util/logger.ts'
import type { FakeOperations } from '../../support/fake-operations.ts'
import { makeCertificate, writeCertificate, type TestCertificate } from '../../support/certificate.ts'
import { ask, type Asked } from '../../support/http.ts'
import { requireOrSkip } from '../../support/require.ts'
import { until } from '../../support/until.ts'
import { startStatus, TOKEN, type StatusFixture } from '../../support/status-fixture.ts'

const NAMES = ['localhost', '127.0.0.1', 'mesh.example', '*.wild.example']

describe('status: beyond loopback', () => {
  let dir: string
  let certificate: TestCertificate
  let place: RemotePlace
  let status: StatusFixture | undefined
  let token: string
  /** The clock of the server. */
  let nowMs: number
  before(() => (certificate = makeCertificate(NAMES)))
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-tls-'))
    place = { host: '127.0.0.1', port: 0, ...writeCertificate(dir, certificate), allow: [], hosts: [] }
    nowMs = Date.now()
  })
  afterEach(async () => {
    await status?.stop()
    status = undefined
    rmSync(dir, { recursive: true })
  })

  async function start(changes: Partial<RemotePlace> = {}, options: Partial<StatusServerOptions> = {}): Promise<void> {
    status = await startStatus({ remote: { ...place, ...changes }, nowMs: () => nowMs, ...options }, ({ tokens }) => {
      token = tokens.create({ name: 'ci', role: 'viewer', ttlMs: 3_600_000 }).token
    })
  }
  const askRemote = (asked: Partial<Asked> & { host?: string } = {}) => {
    const port = status!.apiPort
    const { host = `localhost:${port}`, ...rest } = asked
    const headers = { host, authorization: `Bearer ${token}`, ...asked.headers }
    return ask({ path: '/v1/status', ...rest, port, ca: certificate.cert, headers })
  }
  const codeOf = async (asked: Parameters<typeof askRemote>[0]): Promise<unknown> => {
    const answer = await askRemote(asked)
    return answer.status < 400 ? answer.status : answer.json()['code']
  }
  async function refused(code: ListenErrorCode, changes: Partial<RemotePlace>): Promise<string> {
    const error = await start(changes).then(
      () => assert.fail('it listens'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof ListenError, String(error))
    assert.equal(error.code, code, error.message)
    assert.ok(error.fix)
    return error.message
  }

  it('answers tokens by TLS, and nobody else', async () => {
    await start()
    assert.equal(await codeOf({}), 200)
    assert.equal(await codeOf({ headers: { authorization: 'Bearer wrong' } }), 'wrong-token')
    assert.equal(await codeOf({ headers: { authorization: `Bearer ${TOKEN}` } }), 'wrong-token', "the page's own token")
    const none = await ask({
      path: '/v1/status',
      port: status!.apiPort,
      ca: certificate.cert,
      headers: { host: `localhost:${status!.apiPort}` },
    })
    assert.deepEqual([none.status, none.json()['code']], [401, 'no-token'])
  })

  it('takes the Host of its certificate or that it was told, with its port', async () => {
    await start({ hosts: ['proxy.example:443', 'alias.example'] })
    const { apiPort } = status!
    const good = ['127.0.0.1', 'mesh.example', 'a.wild.example', 'MESH.example', 'alias.example']
    for (const host of good) assert.equal(await codeOf({ host: `${host}:${apiPort}` }), 200, host)
    for (const host of ['proxy.example:443', 'alias.example']) assert.equal(await codeOf({ host }), 200, host)
    const wrong = [
      'evil.example',
      '10.0.0.5',
      'wild.example',
      'test',
      '[::1]',
      'mesh.example.evil.example',
      'mesh.example@x',
    ]
    for (const host of wrong) assert.equal(await codeOf({ host: `${host}:${apiPort}` }), 'wrong-host', host)
    for (const host of ['mesh.example', `mesh.example:${apiPort + 1}`, 'mesh.example:'])
      assert.equal(await codeOf({ host }), 'wrong-host', host)
  })

  it('refuses what pages of others, forms and addresses with tokens bring', async () => {
    await start()
    const host = `localhost:${status!.apiPort}`
    assert.equal(await codeOf({ headers: { origin: 'https://evil.example' } }), 'foreign-origin')
    assert.equal(await codeOf({ headers: { origin: `http://${host}` } }), 'foreign-origin')
    assert.equal(await codeOf({ headers: { origin: `https://${host}` } }), 200)
    assert.equal(await codeOf({ headers: { 'sec-fetch-site': 'cross-site' } }), 'cross-site')
    assert.equal(await codeOf({ path: `/v1/status?token=${token}` }), 'token-in-url')
    assert.equal(
      await codeOf({ method: 'POST', path: '/v1/jobs', headers: { 'content-type': 'text/plain' }, body: '{}' }),
      'wrong-content-type',
    )
  })

  it('speaks TLS 1.2 or newer, and nothing else', async () => {
    await start()
    const { apiPort: port } = status!
    const speak = (version: SecureVersion): Promise<string> =>
      new Promise((done) => {
        const socket = connect({
          ...{ host: '127.0.0.1', port, ca: certificate.cert, servername: 'localhost' },
          ...{ minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' },
        })
        socket.once('secureConnect', () => {
          done(socket.getProtocol() ?? '')
          socket.destroy()
        })
        socket.once('error', () => done('refused'))
      })
    assert.equal(await speak('TLSv1.3'), 'TLSv1.3')
    assert.equal(await speak('TLSv1.2'), 'TLSv1.2')
    assert.equal(await speak('TLSv1.1'), 'refused')
    const plain = connectPlain(port, '127.0.0.1')
    plain.write('GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n')
    let got = ''
    plain.on('data', (data: Buffer) => (got += data.toString('latin1')))
    plain.on('error', () => {})
    await once(plain, 'close')
    assert.ok(!got.includes('HTTP/'), got)
  })

  it('lets only the allowed connect: others get not one byte, and are counted', async () => {
    await start({ allow: ['10.0.0.0/8', '127.0.0.2/31'] })
    const socket = connectPlain({ host: '127.0.0.1', port: status!.apiPort })
    let bytes = 0
    socket.on('data', (data: Buffer) => (bytes += data.length))
    socket.on('error', () => {})
    socket.write('\u0016\u0003\u0001')
    await once(socket, 'close')
    assert.equal(bytes, 0)
    await assert.rejects(askRemote())
    const { text } = await status!.askLoopback({ path: '/metrics' })
    assert.match(text, /^althing_api_connections_refused_total 2$/m)
  })

  it('one address that opens silent connections keeps out itself alone, until they are gone', async function () {
    requireOrSkip(this, process.platform === 'linux', 'needs a second loopback address')
    await start()
    const { apiPort: port } = status!
    const silent = Array.from({ length: MOST_PER_ADDRESS }, () => connectPlain({ host: '127.0.0.1', port }))
    await Promise.all(silent.map((socket) => once(socket, 'connect')))
    await assert.rejects(askRemote())
    assert.equal((await askRemote({ localAddress: '127.0.0.2' })).status, 200)
    for (const socket of silent) socket.destroy()
    await until('they are gone', () =>
      askRemote().then(
        () => true,
        () => false,
      ),
    )
  })

  it('stops in a moment, whoever hangs in the handshake', async () => {
    await start()
    const silent = connectPlain({ host: '127.0.0.1', port: status!.apiPort })
    await once(silent, 'connect')
    silent.on('error', () => {})
    const startedMs = performance.now()
    await status!.stop()
    status = undefined
    assert.ok(performance.now() - startedMs < 3_000)
    silent.destroy()
  })

  it('lets the allowed connect, also where they come as mapped addresses', async () => {
    await start({ host: '::ffff:127.0.0.1', allow: ['127.0.0.0/8'] })
    assert.equal(await codeOf({ host: `127.0.0.1:${status!.apiPort}` }), 200)
  })

  it('takes a new certificate when its files change, and keeps the old one when the new is faulty', async () => {
    const logged: string[] = []
    const log: Logger = { ...SILENT, error: (_fields, message) => void logged.push(message), child: () => log }
    await start({}, { log })
    const served = async (): Promise<string> => {
      const port = status!.apiPort
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, servername: 'localhost' })
      await once(socket, 'secureConnect')
      const { subject } = socket.getPeerCertificate()
      socket.destroy()
      return String(subject.CN)
    }
    assert.equal(await served(), 'test')
    writeCertificate(dir, makeCertificate(NAMES, { subject: 'second' }))
    nowMs += 1_000
    assert.equal(await served(), 'second')
    writeFileSync(place.keyFile, 'no key at all')
    nowMs += 1_000
    assert.equal(await served(), 'second')
    assert.equal(logged.length, 1)
    nowMs += 1_000
    await served()
    assert.equal(logged.length, 1, 'said once')
    writeCertificate(dir, makeCertificate(['other.example'], { subject: 'third' }))
    nowMs += 1_000
    assert.equal(await served(), 'third')
  })

  it('hears an address no more for a while that failed ten times, and logs no token', async () => {
    const lines: string[] = []
    const keep = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`)
    const log: Logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => log }
    await start({}, { log })
    const wrong = () => askRemote({ headers: { authorization: `Bearer ${token.slice(0, -1)}!` } })
    for (let at = 0; at < 10; at++) assert.equal((await wrong()).status, 401)
    const refusal = await askRemote()
    assert.deepEqual([refusal.status, refusal.json()['code']], [429, 'too-many-attempts'])
    assert.equal(refusal.headers['retry-after'], '6')
    assert.equal((await status!.askLoopback({ path: '/v1/status' })).status, 200, 'loopback is another matter')
    nowMs += 6_000
    assert.equal((await askRemote()).status, 200)
    assert.equal(lines.length, 10)
    for (const line of lines) {
      assert.match(line, /somebody was not let in .*"address":"127\.0\.0\.1".*"reason":"wrong-token"/)
      assert.ok(!line.includes(token.slice(16, 30)), line)
    }
    const { text } = await status!.askLoopback({ path: '/metrics' })
    assert.match(text, /reason="too-many-attempts"\} 1$/m)
  })

  /** A server that stays shut, and what it tells of itself; its certificate is asked for once it is open. */
  async function startShut(changes: Partial<RemotePlace> = {}, prepare?: (operations: FakeOperations) => void) {
    const warned: string[] = []
    const log: Logger = { ...SILENT, child: () => log, warn: (_fields, text) => void warned.push(text) }
    status = await startStatus({ remote: { ...place, ...changes }, nowMs: () => nowMs, log }, prepare)
    assert.deepEqual([status.apiPort, warned], [0, ['the API is not open beyond loopback']])
    assert.equal((await status.askLoopback({ path: '/v1/status' })).status, 200)
    assert.equal((await status.ask({ path: '/v1/status' })).status, 200)
    return warned
  }
  const statusAt = async (apiUrl: string): Promise<number> => {
    const port = Number(new URL(apiUrl).port)
    const headers = { host: `localhost:${port}`, authorization: `Bearer ${token}` }
    return (await ask({ path: '/v1/status', port, ca: certificate.cert, headers })).status
  }
  const makeToken = ({ tokens }: FakeOperations, name = 'ci'): void => {
    token = tokens.create({ name, role: 'viewer', ttlMs: 60_000 }).token
  }

  it('does not listen where nobody could ask, until somebody can', async () => {
    const warned = await startShut()
    const { why, fix } = status!.urls.apiShut!
    assert.match(why, /no live token to ask with/)
    assert.match(fix, /althing token create.*--jwt-issuer/)
    makeToken(status!.operations)
    await until('it opens', () => status!.urls.apiUrl !== undefined)
    const { apiUrl, apiShut } = status!.urls
    assert.deepEqual([apiShut, await statusAt(apiUrl!), warned.length], [undefined, 200, 1])
  })

  it('does not listen again once the last token has expired, though it goes on where it does', async () => {
    const old = (operations: FakeOperations): void => {
      makeToken(operations)
      operations.clockMs += 60_000
    }
    await startShut({}, old)
    makeToken(status!.operations, 'next')
    await until('it opens', () => status!.urls.apiUrl !== undefined)
    assert.equal(await statusAt(status!.urls.apiUrl!), 200)
    status!.operations.clockMs += 60_000
    assert.equal(await statusAt(status!.urls.apiUrl!), 401)
  })

  it('does not listen with a certificate that has expired, until another is in its place', async () => {
    const old = makeCertificate(NAMES, { validToMs: Date.now() - 1_000 })
    await startShut(writeCertificate(dir, old), makeToken)
    assert.match(status!.urls.apiShut!.why, /expired on/)
    writeCertificate(dir, certificate)
    await until('it opens', () => status!.urls.apiUrl !== undefined)
    assert.equal(await statusAt(status!.urls.apiUrl!), 200)
  })

  it('says what is in the way when it could open at last', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    try {
      await startShut({ port })
      makeToken(status!.operations)
      const why = (): string => status!.urls.apiShut!.why
      await until('it says so', () => why().includes(`port ${port} of 127.0.0.1 is in use`))
    } finally {
      taken.close()
    }
    await until('it opens', () => status!.urls.apiUrl !== undefined)
  })

  it('does not start with a certificate that is none or of another key, or a key open to all', async () => {
    const other = makeCertificate(NAMES)
    const file = (name: string, text: string, mode = 0o600): string => {
      writeFileSync(join(dir, name), text, { mode })
      return join(dir, name)
    }
    assert.match(await refused('bad-certificate', { certFile: join(dir, 'none') }), /none cannot be read/)
    assert.match(await refused('bad-certificate', { certFile: file('junk', 'junk') }), /junk is no certificate in PEM/)
    assert.match(await refused('bad-certificate', { keyFile: file('junk', 'junk') }), /junk is no private key in PEM/)
    assert.match(await refused('bad-certificate', { keyFile: file('other', other.key) }), /is not the key of/)
    chmodSync(place.keyFile, 0o644)
    assert.match(await refused('bad-certificate', {}), /is open to all users/)
  })

  it('names a port in use, and a network that is none', async () => {
    await start()
    const { apiPort: port } = status!
    const first = status!
    try {
      assert.match(await refused('port-in-use', { port }), new RegExp(`port ${port} of 127.0.0.1 is in use`))
    } finally {
      status = first
    }
    await refused('bad-network', { allow: ['10.0.0.5/8'] })
  })
})
