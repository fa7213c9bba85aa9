/** What goes wrong at a user's hands: a clear error with cause and fix, no crash, nothing lost. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import type { NodeView, Problem, TaskView } from '../../src/model/api.ts'
import type { AuditEntry } from '../../src/model/audit-view.ts'
import { eventually, freshDataDir, runCli, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { ask } from '../support/http.ts'
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
    for (const args of [[], ['--detach']]) {
      const { code, stderr } = await up(join(file, 'data'), ...args)
      assert.equal(code, 2)
      assert.match(stderr, /^althing: --data-dir \S+file\/data: a part of the path is no directory; expected .*\n$/)
    }
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
    assert.match(mesh.stderr, /^ {2}fix: .*--port/m)
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

  it('a file without a passport, for `apply` and for `up`', async () => {
    const daemon = await startDaemon()
    const file = join(freshDataDir(), 'empty.yaml')
    writeFileSync(file, '')
    const message = `${file}:1:1: expected a passport (kind: NodePassport), found nothing\n`
    const applied = await daemon.cli('apply', '-f', file)
    assert.deepEqual([applied.code, applied.stdout, applied.stderr], [1, '', `althing: ${message}`])
    const started = await up(freshDataDir(), '--passport', file)
    assert.deepEqual([started.code, started.stderr], [1, `althing: ${message}`])
  })

  it('values that no daemon can start with: one line, and nothing is written', async () => {
    const dir = join(freshDataDir(), 'new')
    for (const args of [
      ['--label', 'bad key=1'],
      ['--name', 'Bad Name'],
      ['--listen', 'nonsense'],
      ['--log-level', 'loud'],
      ['--join', '/ip4/127.0.0.1/tcp/4100'],
      ['--trust', 'nobody', '--detach'],
    ]) {
      const { code, stderr } = await up(dir, ...args)
      assert.equal(code, 2)
      assert.match(stderr, new RegExp(`^althing: ${args[0]} [^\n]*expected [^\n]*\n$`))
    }
    assert.ok(!existsSync(dir))
  })

  it('environment variables that do not go together', async () => {
    const { code, stderr } = await runCli(['up', '--data-dir', freshDataDir(), '--no-mdns', '--no-page'], {
      ALTHING_LEASE_MS: '1',
    })
    assert.equal(code, 1)
    assert.match(stderr, /^althing: ALTHING_LEASE_MS must be [^\n]*\n {2}fix: unset .*\n$/)
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
    assert.match(gone.stderr, /no-such-command-here.*install it/)
    const plain = await daemon.cli('run', '--', '/etc/passwd')
    assert.equal(plain.code, 126)
    assert.match(plain.stderr, /cannot execute "\/etc\/passwd": it is a file without the permission .*chmod \+x/)
    assert.equal((await daemon.cli('run', '-l', 'a in (', '--', 'true')).code, 2)
    assert.equal((await daemon.cli('run', '--memory', '1Zi', '--', 'true')).code, 2)
  })

  it('the beginning of an id: taken when it means one task or node, else told what it could mean', async () => {
    const first = await startDaemon({ name: 'first' })
    const second = await startDaemon({ name: 'second', join: [first.address] })
    await eventually('both to be known', async () => (await first.get<NodeView[]>('/v1/nodes')).length === 2)
    const ids = (await first.cli('run', '--detach', '--count', '2', '--', 'echo', 'hi')).stdout.trim().split('\n')
    for (const id of ids) await first.get(`/v1/tasks/${id}?wait=ended`)
    const job = ids[0]!.slice(0, -2)
    const ambiguous = await ask({ socketPath: first.socketPath, path: `/v1/tasks/${job}`, headers: { host: 'x' } })
    assert.equal(ambiguous.status, 409)
    const { detail, fix } = ambiguous.json<Problem>()
    assert.equal(detail, `${job} is the beginning of 2 task ids: ${ids.join(', ')}`)
    assert.match(fix!, /give more/)
    // The commands may mean all of them.
    assert.match((await first.cli('why', job)).stdout, new RegExp(`^job ${job}\\b`))
    assert.equal((await first.cli('logs', job)).stdout, ids.map((id) => `[${id}] hi\n`).join(''))
    assert.match((await first.cli('cancel', job)).stderr, new RegExp(`all 2 tasks of job ${job} have ended already`))
    const long = (await first.cli('run', '--detach', '--count', '2', '--', 'sleep', '60')).stdout.trim().split('\n')
    assert.equal((await first.cli('cancel', long[0]!.slice(0, -3))).stdout, `${long.join('\n')}\n`)
    for (const id of long) assert.equal((await first.get<TaskView>(`/v1/tasks/${id}?wait=ended`)).state, 'cancelled')
    const single = (await first.cli('run', '--detach', '--', 'echo', 'one')).stdout.trim()
    await first.get(`/v1/tasks/${single}?wait=ended`)
    assert.equal((await first.cli('logs', single.slice(0, -1))).stdout, 'one\n')
    assert.match((await first.cli('why', single.slice(0, -1))).stdout, new RegExp(`^task ${single} `))

    const nodes = await first.cli('node', '12D3KooW')
    assert.equal(nodes.code, 1)
    assert.match(nodes.stderr, new RegExp(`2 nodes: first ${first.status.peerId}, second ${second.status.peerId}\n`))
    assert.match((await first.cli('node', 'seco…')).stdout, /^name +second$/m)
    assert.equal((await first.cli('node', 'sec')).code, 1, 'too little to mean one')
    assert.match((await first.cli('node', `…${second.status.peerId.slice(-8)}`)).stdout, /^name +second$/m)
  })

  it('a task that fits nowhere: the node is called by its name throughout', async () => {
    const daemon = await startDaemon({ name: 'so-called' })
    const { code, stderr } = await daemon.cli('run', '--cpu', '4000', '--place-timeout', '1s', '--', 'true')
    assert.equal(code, 125)
    assert.match(stderr, /: not placed within 1 s: so-called not asked: /)
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

  it('a second SIGINT, while the first is still being heeded, ends a daemon at once; nothing is lost', async () => {
    let child: ChildProcess | undefined
    const catching = {
      spawn: (...words: Parameters<typeof spawn>) => (child = spawn(...words)),
    }
    const first = await startDaemon(catching)
    const id = (await first.cli('run', '--detach', '--', 'sleep', '600')).stdout.trim()
    const stateAt = async (daemon: TestDaemon) => (await daemon.get<TaskView>(`/v1/tasks/${id}`)).state
    await eventually('it to run', async () => (await stateAt(first)) === 'running')
    /** What its log has of its starts and ends, oldest first, once its last start is in it. */
    const comings = (daemon: TestDaemon, starts: number) =>
      eventually(`start ${starts} to be written`, async () => {
        const { stdout } = await daemon.cli('audit', 'list', '--type', 'daemon', '--json')
        const types = (JSON.parse(stdout) as AuditEntry[]).map(({ event }) => event.type).toReversed()
        return types.filter((type) => type === 'daemon.started').length === starts && types
      })
    /** Interrupts a daemon in the midst of a request, which it gives half a second. @returns its exit code */
    const interrupted = async (daemon: TestDaemon, times: number) => {
      assert.equal(child!.pid, daemon.pid)
      const ended = once(child!, 'exit')
      const request = connect(daemon.socketPath)
      request.on('error', () => {})
      const head = ['POST /v1/bundles HTTP/1.1', 'host: localhost', 'content-type: application/x-tar']
      request.write([...head, 'content-length: 1000', '', 'half of it'].join('\r\n'))
      await eventually('the upload to begin', () => readdirSync(join(daemon.dataDir, 'bundles')).length > 0)
      process.kill(daemon.pid, 'SIGINT')
      await eventually('its end to begin', () => !existsSync(daemon.socketPath))
      if (times > 1) process.kill(daemon.pid, 'SIGINT')
      const [code] = (await ended) as [number | null]
      request.destroy()
      return code
    }
    assert.equal(await interrupted(first, 1), 0)
    const second = await startDaemon({ ...catching, dataDir: first.dataDir })
    assert.deepEqual(await comings(second, 2), ['daemon.started', 'daemon.stopped', 'daemon.started'])
    assert.equal(await interrupted(second, 2), 130)
    const third = await startDaemon({ dataDir: first.dataDir })
    // It did not even write that it ends; but whatever it had written is there.
    assert.deepEqual((await comings(third, 3)).slice(2), ['daemon.started', 'daemon.started'])
    assert.equal((await third.cli('audit', 'verify')).code, 0)
    assert.equal(await stateAt(third), 'running')
    await third.cli('cancel', id)
    assert.equal((await third.get<TaskView>(`/v1/tasks/${id}?wait=ended`)).state, 'cancelled')
  })

  it('a wrong cluster: nothing is exchanged, and the log says why', async () => {
    const first = await startDaemon({ name: 'a', cluster: 'one' })
    const second = await startDaemon({ name: 'b', cluster: 'two', join: [first.address] })
    await eventually(
      'the warning',
      () => /another cluster/.test(first.output()) || /another cluster/.test(second.output()),
    )
    assert.equal((await first.get<NodeView[]>('/v1/nodes')).length, 1)
    const { stdout } = await second.cli('status')
    assert.match(stdout, /^connected +0$/m)
    assert.match(stdout, /^NOT JOINED +1 of cluster one answered, this one is of two: nothing is exchanged$/m)
  })

  it('an address to join by where nobody is: its status says so', async () => {
    const gone = '12D3KooWFiHPaJri71g7PfXJ9D5MJWbdmhK7W5cTqL2RzUaKmXQM'
    const daemon = await startDaemon({ join: [`/ip4/127.0.0.1/tcp/1/p2p/${gone}`] })
    const words = /^NOT JOINED +\/ip4\/127\.0\.0\.1\/tcp\/1\/p2p\/\w+: .+; tried again$/m
    await eventually('the words', async () => words.test((await daemon.cli('status')).stdout))
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
