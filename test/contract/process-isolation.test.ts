/** What an isolated task cannot reach, asked by such tasks themselves. Real sandboxes, real attempts. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { StartOrder, TaskDriver } from '../../src/drivers/driver.ts'
import {
  CHECKED_SYSCALLS,
  DENIED_SYSCALLS,
  LAST_KNOWN_SYSCALL,
} from '../../src/drivers/process/isolation/denied-syscalls.ts'
import { INSIDE } from '../../src/drivers/process/isolation/sandbox.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { readState, runPaths } from '../../src/drivers/process/run-folder.ts'
import type { TaskExit } from '../../src/model/task.ts'
import { SILENT } from '../../src/util/logger.ts'
import { requireIsolation } from '../support/isolation.ts'
import { asUser, requireUnprivileged } from '../support/unprivileged.ts'
import { until } from '../support/until.ts'
import { countRunning, countSleeping, logOf, orderOf, rareSleep } from './driver.ts'
import { DriverDaemons, killed } from './driver-daemons.ts'
import { killAllBelow } from './fixtures/kill-all.ts'

const isolated = (script: string, more: Partial<StartOrder> = {}): StartOrder =>
  orderOf(['sh', '-c', script], { isolation: { network: false }, ...more })

describe('isolated tasks', function () {
  this.timeout(30_000)
  let dir: string
  let driver: TaskDriver
  const daemons = new DriverDaemons()

  before(async function () {
    await requireIsolation(this)
  })
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'althing-driver-'))
    driver = await open()
  })
  afterEach(async () => {
    daemons.end()
    await driver.close()
    await killAllBelow(dir)
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  })

  const daemonWith = (...orders: StartOrder[]) => daemons.start(dir, ...orders)
  async function open(): Promise<TaskDriver> {
    const made = createProcessDriver({ dir, log: SILENT, watchIntervalMs: 200, watchdogIntervalS: 1 })
    await made.examineIsolation()
    return made
  }
  async function run(order: StartOrder): Promise<TaskExit & { stdout: string; stderr: string }> {
    await driver.start(order)
    const exit = await driver.wait(order.runId)
    const [stdout, stderr] = [
      await logOf(driver, order.runId, 'stdout'),
      await logOf(driver, order.runId, 'stderr'),
    ] as const
    return { ...exit, stdout, stderr }
  }
  const says = async (script: string, more: Partial<StartOrder> = {}) => (await run(isolated(script, more))).stdout

  describe('see of the machine', () => {
    it('no home, no data of the daemon, no other task, no accounts, no keys, and nothing of /run or /sys', async () => {
      const other = orderOf(['sh', '-c', 'echo secret >f; exec sleep 300'])
      await driver.start(other)
      const secret = join(runPaths(dir, other.runId).work, 'f')
      await until('the other to have written', () => existsSync(secret))
      const home = process.env['HOME'] ?? '/root'
      const places = [dir, secret, home, '/home', '/root', '/etc/shadow', '/etc/ssh', '/run', '/var', '/sys', '/boot']
      const seen = await says(`for place in ${places.join(' ')}; do [ -e "$place" ] && echo "$place"; done; ls -A /`)
      assert.deepEqual(
        seen
          .trim()
          .split('\n')
          .filter((name) => !/^(lib\w*|nix|gnu)$/.test(name)),
        ['bin', 'dev', 'etc', 'proc', 'sbin', 'tmp', 'usr', 'work'],
      )
      assert.match(await says('cat /etc/passwd'), /^task:.*\nnobody:.*\n$/)
      assert.equal(await says('cat /proc/keys /proc/key-users'), '', 'keys of the daemon in the kernel')
      await driver.stop(other.runId, 'cancelled', 0)
      await driver.wait(other.runId)
    })

    it('a home of the daemon that lies among the programs is hidden as well', async () => {
      await driver.close()
      driver = createProcessDriver({ dir, log: SILENT, hidden: ['/usr/share'] })
      assert.ok((await driver.examineIsolation()).works)
      assert.equal(await says('ls -A /usr/share; touch /usr/share/x 2>/dev/null || echo refused'), 'refused\n')
    })

    it('what links lead to among the programs is hidden by its real name', async () => {
      await driver.close()
      const link = join(dir, 'link')
      await symlink('/usr/share', link)
      driver = createProcessDriver({ dir, log: SILENT, hidden: [link, '/usr/share/doc', '/usr/share/nowhere'] })
      assert.deepEqual((await driver.examineIsolation()).works, true)
      assert.equal(await says('ls -A /usr/share'), '')
    })

    it('no variables of the daemon, and of the order all', async () => {
      process.env['ALTHING_TEST_SECRET'] = 'secret'
      const text = await says('env', { env: { COLOUR: 'red', LD_LIBRARY_PATH: INSIDE.work } })
      delete process.env['ALTHING_TEST_SECRET']
      assert.doesNotMatch(text, /secret/)
      assert.match(text, /^COLOUR=red$/m)
      assert.match(text, /^ALTHING_ISOLATION=bwrap$/m)
    })

    it('variables do not show on any command line, nor reach what makes the sandbox', async () => {
      const canary = `canary${Math.random()}`
      const order = isolated('mkfifo gate; echo ready; read -r _ <gate', {
        // By this the loader tells on stderr of each program whom it starts.
        env: { SECRET: canary, LD_DEBUG: 'libs' },
      })
      await driver.start(order)
      await until('it to be ready', async () => (await logOf(driver, order.runId, 'stdout')) === 'ready\n')
      assert.equal(await countRunning(canary), 0)
      await writeFile(join(runPaths(dir, order.runId).work, 'gate'), 'go\n')
      await driver.wait(order.runId)
      const started = (await logOf(driver, order.runId, 'stderr')).matchAll(/initialize program: (\S+)/g)
      assert.deepEqual(
        [...started].map(([, program]) => basename(program!)),
        ['prlimit', 'sh', 'mkfifo'],
      )
    })

    it('no other processes, and cannot signal them', async () => {
      const ran = await run(isolated(`ls -d /proc/[0-9]*; kill -9 ${process.pid} || echo unknown; kill -KILL 0`))
      const pids = ran.stdout.match(/\/proc\/\d+/g)!
      assert.ok(pids.length <= 4, ran.stdout)
      assert.match(ran.stdout, /unknown/)
      // Its shim was not in the group that it has killed: it has told how the task ended.
      assert.deepEqual([ran.exitCode, ran.killedFor], [137, undefined])
    })

    it('no network: neither others nor what listens on loopback', async () => {
      const server = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const socket = `IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => ${port})`
      const connect = `perl -MIO::Socket::INET -e 'print ${socket} ? "reached" : "refused"'`
      assert.equal(await says(connect), 'refused')
      assert.equal(await says('cut -d: -f1 /proc/net/dev | tail -n +3'), '    lo\n')
      // As a check on the check: with the network of the host it gets through.
      assert.equal(await says(connect, { isolation: { network: true } }), 'reached')
      server.close()
    })

    it('nothing to write to but its own', async () => {
      const places = ['/', '/usr', '/etc', '/dev', '/proc/sys/kernel', '/usr/bin']
      const script = `for place in ${places.join(' ')}; do (: >"$place/x") 2>/dev/null && echo "$place"; done
        for place in /work /tmp /dev/shm "$ALTHING_OUTPUT"; do echo x >"$place/y" && cat "$place/y"; done`
      const order = isolated(script, { keepOutput: true })
      assert.equal((await run(order)).stdout, 'x\nx\nx\nx\n')
      assert.equal(await readFile(join(driver.outputPath(order.runId)!, 'y'), 'utf8'), 'x\n')
      assert.equal(await says('ls -A /tmp /dev/shm'), '/dev/shm:\n\n/tmp:\n')
    })
  })

  describe('ask of the kernel', () => {
    it('none of the denied system calls, and without capabilities', async () => {
      const { arch } = process as { arch: 'x64' | 'arm64' }
      const { clone, clone3, ioctl, socket } = CHECKED_SYSCALLS
      const calls: [what: string, errno: number, number: number, ...args: number[]][] = [
        ...DENIED_SYSCALLS.flatMap((call): (typeof calls)[number][] =>
          call[arch] === undefined ? [] : [[call.name, 1, call[arch], 0, 0, 0, 0, 0]],
        ),
        ['clone into a user namespace', 1, clone[arch], 0x1000_0011, 0, 0, 0, 0],
        ['clone3', 38, clone3[arch], 0, 0],
        ['TIOCSTI', 1, ioctl[arch], 0, 0x5412, 0],
        ['a vsock', 97, socket[arch], 40, 1, 0],
        ['what came later', 38, LAST_KNOWN_SYSCALL + 1, 0, 0],
      ]
      const lines = calls.map(
        ([what, , ...words]) =>
          `$! = 0; $r = syscall(${words.join(', ')}); print "${what} ", ($r == -1 ? $!+0 : "done"), "\\n";`,
      )
      const found = await run(orderOf(['perl', '-e', lines.join('')], { isolation: { network: false } }))
      assert.deepEqual(
        found.stdout.trim().split('\n'),
        calls.map(([what, errno]) => `${what} ${errno}`),
      )
      assert.match(await says('cat /proc/self/status'), /CapEff:\t0+\nCapBnd:\t0+\n[^]*NoNewPrivs:\t1\nSeccomp:\t2\n/)
    })
  })

  describe('end', () => {
    it('with their daemon gone: at their timeout, asked first, killed after the grace', async () => {
      const [polite, stubborn] = [
        isolated('trap "echo bye; exit 3" TERM; while :; do sleep 0.05; done', { timeoutMs: 1_000, graceMs: 5_000 }),
        isolated('trap "" TERM; setsid sleep 300; sleep 300', { timeoutMs: 1_000, graceMs: 1_000 }),
      ]
      await killed(await daemonWith(polite, stubborn))
      for (const { runId } of [polite, stubborn]) {
        const { pid } = readState(runPaths(dir, runId)) as { pid: number }
        await until(`${runId} to be gone`, () => !isThere(pid), 20_000)
      }
      const ends = new Map((await driver.adopt()).map(({ runId, exit }) => [runId, exit]))
      const [asked, forced] = [ends.get(polite.runId), ends.get(stubborn.runId)]
      assert.deepEqual([asked?.exitCode, asked?.killedFor], [3, 'timeout'])
      assert.equal(await logOf(driver, polite.runId, 'stdout'), 'bye\n')
      assert.deepEqual([forced?.exitCode, forced?.killedFor], [137, 'timeout'])
    })

    it('not with their daemon: the next one takes them over, with what they say and how they end', async () => {
      const order = isolated('mkfifo gate; echo before; read -r _ <gate; seq 1 20000; exit 13')
      const gate = join(runPaths(dir, order.runId).work, 'gate')
      const daemon = await daemonWith(order)
      await until('its gate', () => existsSync(gate))
      await killed(daemon)
      const [adopted] = await driver.adopt()
      assert.deepEqual([adopted?.runId, adopted?.exit], [order.runId, undefined])
      await writeFile(gate, 'go\n')
      assert.equal((await driver.wait(order.runId)).exitCode, 13)
      assert.match(await logOf(driver, order.runId, 'stdout'), /^before\n1\n[^]*\n20000\n$/)
    })

    it('all together, wherever they hide, when the shim that waits for them is killed', async () => {
      const rare = rareSleep()
      const order = isolated(`setsid sleep ${rare} & (setsid setsid sleep ${rare} &) ; sleep ${rare}`)
      const { pid } = await driver.start(order)
      await until('all of them to be there', async () => (await countSleeping(rare)) === 3)
      process.kill(-pid, 'SIGKILL')
      assert.equal((await driver.wait(order.runId)).killedFor, 'lost')
      await until('all of them to be gone', async () => (await countSleeping(rare)) === 0)
    })
  })

  it('are refused where it was not found out that they can be isolated', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'althing-driver-'))
    const ignorant = createProcessDriver({ dir: fresh, log: SILENT })
    assert.deepEqual([ignorant.isolation().works, 'examined' in ignorant.isolation()], [false, true])
    await assert.rejects(ignorant.start(isolated('true')), { code: 'no-isolation' })
    await ignorant.close()
    await rm(fresh, { recursive: true })
  })
})

if (process.getuid?.() === 0) {
  it('isolated tasks, all of the above once more for a daemon without privileges', async function () {
    this.timeout(120_000)
    requireUnprivileged(this)
    await requireIsolation(this)
    const mocha = join(import.meta.dirname, '../../node_modules/mocha/bin/mocha.js')
    // Its skips are told here, and what the whole run writes it may not.
    const env = { ...process.env, HOME: '/nonexistent', ALTHING_CI_STRICT: '1', ALTHING_SKIPS_FILE: undefined }
    const child = asUser(process.execPath, [mocha, import.meta.filename], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data: Buffer) => (said += data.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 0, said)
    assert.match(said, /[1-9]\d* passed, 0 failed, 0 skipped/)
  })
}

/** Neither gone nor a zombie that nobody waits for. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
