/** What goes wrong at a user's hands: a clear error with cause and fix, no crash, nothing lost. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { NodeView, TaskView } from '../../src/model/api.ts'
import { eventually, freshDataDir, runCli, startDaemon, stopAll } from '../support/daemon.ts'
import { requireOrSkip } from '../support/require.ts'

const up = (dataDir: string, ...args: string[]) =>
  runCli(['up', '--data-dir', dataDir, '--port', '0', '--no-page', '--no-mdns', ...args])

describe('bad input to real daemons', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('a data directory owned by another daemon: says which pid', async () => {
    const first = await startDaemon({ name: 'holder' })
    const { code, stderr } = await up(first.dataDir)
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`\\b${first.pid}\\b`))
    assert.match(stderr, /althing down/)
    assert.equal((await first.cli('nodes')).code, 0, 'the holder is not disturbed')
  })

  it('an unreadable data directory', async function () {
    requireOrSkip(this, process.platform === 'linux', 'uses a path below a file, which fails the same way for root')
    const file = join(freshDataDir(), 'file')
    writeFileSync(file, '')
    const { code, stderr } = await up(join(file, 'data'))
    assert.equal(code, 1)
    assert.match(stderr, /file/)
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace')
  })

  it('a key that others can read', async () => {
    const first = await startDaemon({ name: 'n' })
    await first.stop()
    chmodSync(join(first.dataDir, 'identity.key'), 0o644)
    const { code, stderr } = await up(first.dataDir)
    assert.equal(code, 1)
    assert.match(stderr, /chmod 600/)
  })

  it("a port in use: the mesh's and the page's", async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const mesh = await runCli(['up', '--data-dir', freshDataDir(), '--port', String(port), '--no-page', '--no-mdns'])
    assert.equal(mesh.code, 1)
    assert.match(mesh.stderr, new RegExp(String(port)))
    const page = await runCli([
      'up',
      '--data-dir',
      freshDataDir(),
      '--port',
      '0',
      '--page-port',
      String(port),
      '--no-mdns',
    ])
    assert.equal(page.code, 1)
    assert.match(page.stderr, new RegExp(String(port)))
    assert.match(page.stderr, /--page-port|--no-page/)
    server.close()
  })

  it('a passport that fails its schema: file, line, field, what was expected', async () => {
    const daemon = await startDaemon()
    const file = join(freshDataDir(), 'bad.yaml')
    writeFileSync(
      file,
      'apiVersion: althing.dev/v1\nkind: NodePassport\nmetadata:\n  name: writer\nspec:\n  type: agent\n' +
        '  version: "1"\n  capabilities:\n    - name: 7\n',
    )
    const { code, stderr } = await daemon.cli('apply', '-f', file)
    assert.notEqual(code, 0)
    assert.match(stderr, /bad\.yaml/)
    assert.match(stderr, /9/)
    assert.match(stderr, /capabilities/)
    assert.match(stderr, /expected/)
  })

  it('unknown flags are usage errors', async () => {
    const { code, stderr } = await runCli(['run', '--memry', '1Gi', '--', 'true'])
    assert.equal(code, 2)
    assert.match(stderr, /--memory/, 'suggests the flag that was meant')
  })

  it('a command that does not exist, and bad selectors and quantities', async () => {
    const daemon = await startDaemon()
    const gone = await daemon.cli('run', '--', 'no-such-command-here')
    assert.equal(gone.code, 127)
    assert.match(gone.stderr, /no-such-command-here/)
    assert.equal((await daemon.cli('run', '-l', 'a in (', '--', 'true')).code, 2)
    assert.equal((await daemon.cli('run', '--memory', '1Zi', '--', 'true')).code, 2)
  })

  it('junk on the mesh port and in the middle of a handshake', async () => {
    const daemon = await startDaemon()
    const port = Number(/\/tcp\/(\d+)\//.exec(daemon.address)![1])
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.end(randomBytes(4_096))
      await new Promise((closed) => socket.once('close', closed))
    }
    assert.equal((await daemon.cli('run', '-q', '--', 'echo', 'alive')).stdout, 'alive\n')
  })

  it('killed with tasks running: they run on; the second SIGINT ends a daemon at once', async () => {
    const daemon = await startDaemon()
    const id = (await daemon.cli('run', '--detach', '--', 'sleep', '600')).stdout.trim()
    await eventually('it to run', async () => (await daemon.get<TaskView>(`/v1/tasks/${id}`)).state === 'running')
    process.kill(daemon.pid, 'SIGINT')
    try {
      process.kill(daemon.pid, 'SIGINT')
    } catch {
      // It was faster.
    }
    await eventually('it to be gone', async () => (await daemon.cli('status')).code !== 0)
    const again = await startDaemon({ dataDir: daemon.dataDir })
    assert.equal((await again.get<TaskView>(`/v1/tasks/${id}`)).state, 'running')
    await again.cli('cancel', id)
    assert.equal((await again.get<TaskView>(`/v1/tasks/${id}?wait=ended`)).state, 'cancelled')
  })

  it('a wrong cluster: nothing is exchanged, and the log says why', async () => {
    const first = await startDaemon({ name: 'a', cluster: 'one' })
    const second = await startDaemon({ name: 'b', cluster: 'two', join: [first.address] })
    await eventually(
      'the warning',
      () => /another cluster/.test(first.output()) || /another cluster/.test(second.output()),
    )
    assert.equal((await first.get<NodeView[]>('/v1/nodes')).length, 1)
  })
})

describe('a full disk', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('refuses new work with the cause, loses nothing, and goes on when there is room', async function () {
    const dir = freshDataDir()
    const own = ['-rm', 'sh', '-c', `mount -t tmpfs -o size=16m none ${dir} && exec "$@"`, 'sh']
    const [probed] = (await once(spawn('unshare', [...own, 'true']), 'exit').catch(() => [1])) as [number]
    requireOrSkip(this, probed === 0, "mounting a tmpfs in a namespace of one's own is not permitted here")
    // The data directory is a small file system that only the daemon and its tasks see; the socket is outside.
    const daemon = await startDaemon({
      name: 'small',
      dataDir: join(dir, 'd'),
      env: { ALTHING_SOCKET: join(freshDataDir(), 's') },
      spawn: (command, args, options) => spawn('unshare', [...own, command, ...args], options),
    })
    const id = async (...args: string[]) => (await daemon.cli('run', '--detach', '--', ...args)).stdout.trim()
    const before = await id('echo', 'before')
    await daemon.get(`/v1/tasks/${before}?wait=ended`)
    const filler = await id('sh', '-c', 'cat /dev/zero >fill; echo full; exec sleep 600')
    const refused = await eventually('a refusal', async () => {
      const tried = await daemon.cli('run', '--', 'true')
      return tried.code !== 0 && tried
    })
    assert.match(refused.stderr, /full|space/i)
    assert.equal((await daemon.cli('status')).code, 0, 'the daemon is there')
    assert.equal((await daemon.get<TaskView>(`/v1/tasks/${before}`)).state, 'succeeded')

    await daemon.cli('cancel', filler)
    await eventually(
      'work to go on',
      async () => (await daemon.cli('run', '-q', '--', 'echo', 'on')).stdout === 'on\n',
      30_000,
    )
    assert.equal((await daemon.get<TaskView>(`/v1/tasks/${filler}`)).state, 'cancelled')
  })
})
