import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListenError, type ListenErrorCode } from '../../../src/status/listen.ts'
import { createStatusServer, type StatusServer } from '../../../src/status/server.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { ask } from '../../support/http.ts'

describe('status: where it listens', () => {
  let dir: string
  let servers: StatusServer[]
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-listen-'))
    servers = []
  })
  afterEach(async () => {
    for (const server of servers) await server.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  function make(socketName = 'a.sock', http?: { host: string; port: number }): StatusServer {
    const socketPath = join(dir, socketName)
    const operations = new FakeOperations()
    const server = createStatusServer({
      operations,
      socketPath,
      http,
      token: 't',
      webDir: dir,
      log: SILENT,
      version: '0',
    })
    servers.push(server)
    return server
  }
  async function refused(server: StatusServer, code: ListenErrorCode): Promise<ListenError> {
    const error = await server.start().then(
      () => assert.fail('it started'),
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof ListenError)
    assert.equal(error.code, code)
    assert.ok(error.fix)
    return error
  }

  it('opens the socket to its user only, whatever the umask, and removes it', async () => {
    const umask = process.umask(0)
    try {
      await make('sub/a.sock').start()
      assert.equal(statSync(join(dir, 'sub', 'a.sock')).mode & 0o777, 0o600)
      assert.equal(statSync(join(dir, 'sub')).mode & 0o777, 0o700)
      assert.equal(process.umask(), 0)
    } finally {
      process.umask(umask)
    }
    await servers[0]!.stop()
    assert.equal(existsSync(join(dir, 'sub', 'a.sock')), false)
  })

  it('replaces the socket of a daemon that was killed', async () => {
    const path = join(dir, 'a.sock')
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('up'))`
    const child = spawn(process.execPath, ['-e', script])
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.ok(existsSync(path), 'its socket is left behind')
    await make().start()
    assert.equal((await ask({ socketPath: path, path: '/livez' })).status, 200)
  })

  it('leaves the socket of a living daemon alone', async () => {
    await make().start()
    const error = await refused(make(), 'socket-in-use')
    assert.match(error.message, /a\.sock already/)
    assert.equal((await ask({ socketPath: join(dir, 'a.sock'), path: '/livez' })).status, 200)
  })

  it('leaves alone what is no socket', async () => {
    writeFileSync(join(dir, 'a.sock'), 'precious')
    await refused(make(), 'not-a-socket')
    assert.equal(statSync(join(dir, 'a.sock')).size, 8)
  })

  it('says when the socket cannot be made', async () => {
    writeFileSync(join(dir, 'file'), '')
    await refused(make('file/a.sock'), 'socket-unusable')
  })

  it('names a port in use, who has it, and the way out; and leaves no socket', async () => {
    const other = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const error = await refused(make('b.sock', { host: '127.0.0.1', port }), 'port-in-use')
    other.close()
    assert.equal(error.message, `port ${port} of 127.0.0.1 is in use by another program`)
    assert.match(error.fix!, /--page-port.*--no-page/)
    assert.equal(existsSync(join(dir, 'b.sock')), false)
  })

  it('knows a daemon of its own kind at the port', async () => {
    const { pageUrl: url } = await make('a.sock', { host: '127.0.0.1', port: 0 }).start()
    const error = await refused(make('b.sock', { host: '127.0.0.1', port: Number(new URL(url!).port) }), 'port-in-use')
    assert.match(error.message, /another Althing daemon/)
  })

  it('listens on nothing but loopback', async () => {
    await refused(make('a.sock', { host: '0.0.0.0', port: 0 }), 'not-loopback')
  })

  it('runs without the page', async () => {
    assert.deepEqual(await make().start(), {})
  })
})
