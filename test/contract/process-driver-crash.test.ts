/** The process driver when its daemon is killed, stopped, or was never there: what only this driver promises. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { StartOrder, TaskDriver } from '../../src/drivers/driver.ts'
import { bootSeconds, readBootId, readStat } from '../../src/drivers/process/proc.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { readState, runPaths } from '../../src/drivers/process/run-folder.ts'
import { SILENT } from '../../src/util/logger.ts'
import { isRunning, logOf, orderOf, sh } from './driver.ts'
import { daemonCommand, DriverDaemons, killed } from './driver-daemons.ts'
import { until } from '../support/until.ts'
import { killAllBelow } from './fixtures/kill-all.ts'
import { requireOrSkip } from '../support/require.ts'

describe('process driver and its daemon', function () {
  this.timeout(30_000)
  let dir: string
  let driver: TaskDriver | undefined
  const daemons = new DriverDaemons()

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'althing-driver-'))
  })
  afterEach(async () => {
    daemons.end()
    await driver?.close()
    driver = undefined
    await killAllBelow(dir)
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  const daemonWith = (...orders: StartOrder[]) => daemons.start(dir, ...orders)
  function open(options: { useCgroups?: boolean } = {}): TaskDriver {
    driver = createProcessDriver({ dir, log: SILENT, watchIntervalMs: 200, watchdogIntervalS: 1, ...options })
    return driver
  }
  const pathsOf = ({ runId }: StartOrder) => runPaths(dir, runId)
  const stateOf = (order: StartOrder) => {
    const state = readState(pathsOf(order))
    return typeof state === 'object' ? state : undefined
  }
  const marked = (order: StartOrder, name: string) =>
    until(`${order.runId} has made ${name}`, () => existsSync(join(pathsOf(order).work, name)))

  it('outlives kill -9 of its daemon: whole output, right exit code', async () => {
    const order = sh('mkfifo gate; echo before; echo early >&2; read -r _ <gate; seq 1 20000; exit 13')
    const daemon = await daemonWith(order)
    await marked(order, 'gate')
    await killed(daemon)
    const next = open()
    const [adopted] = await next.adopt()
    assert.equal(adopted?.runId, order.runId)
    assert.equal(adopted.exit, undefined)
    const following = logOf(next, order.runId, 'stdout', true)
    await writeFile(join(pathsOf(order).work, 'gate'), 'go\n')
    assert.equal((await next.wait(order.runId)).exitCode, 13)
    const whole = `before\n${Array.from({ length: 20_000 }, (_, n) => `${n + 1}\n`).join('')}`
    assert.equal(await following, whole)
    assert.equal(await logOf(next, order.runId, 'stderr'), 'early\n')
  })

  it('reports what ended while no daemon lived', async () => {
    const order = sh('mkfifo gate; read -r _ <gate; echo late; kill -ABRT $$')
    const daemon = await daemonWith(order)
    await marked(order, 'gate')
    await killed(daemon)
    await writeFile(join(pathsOf(order).work, 'gate'), 'go\n')
    await until('the shim has written the end', () => stateOf(order)?.phase === 'end')
    const [adopted] = await open().adopt()
    assert.deepEqual(
      [adopted?.exit?.exitCode, adopted?.exit?.signal, adopted?.exit?.killedFor],
      [134, 'SIGABRT', undefined],
    )
    assert.equal(await logOf(driver!, order.runId, 'stdout'), 'late\n')
  })

  it('has what a task leaves behind killed while no daemon lives', async () => {
    const order = sh(`
      (trap "" TERM; exec sleep 300 >/dev/null 2>&1) & echo $! >stray
      mkfifo gate; read -r _ <gate`)
    const daemon = await daemonWith(order)
    await marked(order, 'gate')
    await killed(daemon)
    const stray = Number(await readFile(join(pathsOf(order).work, 'stray'), 'utf8'))
    assert.ok(isRunning(stray))
    await writeFile(join(pathsOf(order).work, 'gate'), 'go\n')
    await until('the stray is gone', () => !isRunning(stray) || isZombie(stray))
  })

  it('has timeouts enforced while the daemon is dead, and while it is stopped', async () => {
    const [plain, stubborn] = [
      sh('sleep 300', { timeoutMs: 1_000, graceMs: 1_000 }),
      sh('trap "" TERM; timeout 300 sleep 300; sleep 300', { timeoutMs: 1_000, graceMs: 1_000 }),
    ]
    const patient = sh('sleep 300', { timeoutMs: 1_000, graceMs: 1_000 })
    await killed(await daemonWith(plain, stubborn))
    const stopped = await daemonWith(patient)
    stopped.kill('SIGSTOP')
    await until(
      'the shims are gone',
      () => {
        const all = [plain, stubborn, patient].map(stateOf)
        return all.every(
          (state) => (state && readStat(state.pid)?.startTime !== state.startTime) || isZombie(state?.pid),
        )
      },
      20_000,
    )
    await killed(stopped)
    const adopted = new Map((await open().adopt()).map(({ runId, exit }) => [runId, exit]))
    const ends = [plain, stubborn, patient].map(({ runId }) => adopted.get(runId))
    assert.deepEqual(
      ends.map((exit) => exit?.killedFor),
      ['timeout', 'timeout', 'timeout'],
    )
    assert.deepEqual(
      ends.map((exit) => exit?.exitCode),
      [143, 137, 143],
    )
  })

  it('carries through a kill that a daemon began and did not live to finish', async () => {
    const order = sh('trap "" TERM; echo >ready; sleep 300 & wait; sleep 300', { graceMs: 1_000 })
    const first = open()
    await first.start(order)
    await marked(order, 'ready')
    await first.stop(order.runId, 'cancelled', 1_000)
    await first.close()
    const next = open()
    await next.adopt()
    const exit = await next.wait(order.runId)
    assert.deepEqual([exit.exitCode, exit.killedFor], [137, 'cancelled'])
  })

  it('keeps one watchdog for a directory, and starts a new one when it dies', async () => {
    const order = sh('sleep 300')
    await killed(await daemonWith(sh('exit 0'), order))
    const pidFile = join(dir, '.driver/watchdog.pid')
    const watchdogPid = async () => Number((await readFile(pidFile, 'utf8').catch(() => '')).split(' ')[0])
    await until('a watchdog has written its id', async () => (await watchdogPid()) > 0)
    const first = await watchdogPid()
    const next = open()
    await next.adopt()
    await next.start(sh('exit 0'))
    assert.equal(await watchdogPid(), first)
    assert.deepEqual(await watchdogsOf(dir), [first])
    process.kill(first, 'SIGKILL')
    await until(
      'another watchdog is there',
      async () => (await watchdogPid()) !== first && isRunning(await watchdogPid()),
    )
    assert.equal((await watchdogsOf(dir)).length, 1)
  })

  it('never signals a process that was given the id of a dead run', async () => {
    const bystander = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    const order = sh('exit 0', { timeoutMs: 1_000, graceMs: 0 })
    try {
      // The run of a dead shim whose id, group and session are now somebody else's; and it is overdue.
      await forge(order, `run --- ${bystander.pid} 1 ${Math.floor(bootSeconds())} 0\n`)
      const live = sh('sleep 300')
      await killed(await daemonWith(live))
      await until('the watchdog has looked twice', async () => {
        const pid = Number((await readFile(join(dir, '.driver/watchdog.pid'), 'utf8').catch(() => '')).split(' ')[0])
        return pid > 0 && (await childrenSeen(pid)) >= 2
      })
      const found = new Map((await open().adopt()).map(({ runId, exit }) => [runId, exit]))
      const exit = found.get(order.runId)
      assert.deepEqual([exit?.exitCode, exit?.signal, exit?.killedFor], [137, 'SIGKILL', 'lost'])
      assert.equal(readStat(bystander.pid!)?.state, 'S')
    } finally {
      bystander.kill('SIGKILL')
    }
  })

  it('takes nothing from before a reboot for alive', async () => {
    const bystander = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' })
    const order = sh('exit 0')
    try {
      const { startTime } = readStat(bystander.pid!)!
      await forge(order, `run --- ${bystander.pid} ${startTime} 99999999 0\n`, 'another boot')
      const [adopted] = await open().adopt()
      assert.equal(adopted?.exit?.killedFor, 'lost')
      assert.equal(readStat(bystander.pid!)?.state, 'S')
    } finally {
      bystander.kill('SIGKILL')
    }
  })

  it('reports a run whose shim was killed as lost, and ends what it left', async () => {
    const order = sh('echo $$ >pid; exec sleep 300')
    const { pid } = await open().start(order)
    await marked(order, 'pid')
    await until(
      'the task has written its id',
      async () => (await readFile(join(pathsOf(order).work, 'pid'), 'utf8')) !== '',
    )
    const task = Number(await readFile(join(pathsOf(order).work, 'pid'), 'utf8'))
    process.kill(pid, 'SIGKILL')
    const exit = await driver!.wait(order.runId)
    assert.deepEqual([exit.exitCode, exit.signal, exit.killedFor], [137, 'SIGKILL', 'lost'])
    await until('the task is gone', () => !isRunning(task))
    await driver!.close()
    const [again] = await open().adopt()
    assert.equal(again?.exit?.killedFor, 'lost')
  })

  it('says of a run whose shim could not begin that it never ran, and why', async () => {
    open()
    for (const name of await readdir(join(dir, '.driver')))
      if (name.startsWith('shim-')) await rm(join(dir, '.driver', name))
    const order = orderOf(['true'])
    await driver!.start(order)
    const exit = await driver!.wait(order.runId)
    assert.equal(exit.exitCode, 125)
    assert.match(exit.startError ?? '', /its shim ended with code \d+ before it had begun/)
    assert.equal(exit.killedFor, undefined)
  })

  it('removes what a crash left half-made, and starts it afresh when asked', async () => {
    const order = sh('echo fresh')
    await mkdir(pathsOf(order).root)
    await writeFile(pathsOf(order).meta, '{"v":1,"tas')
    const unclaimed = sh('exit 0')
    await forge(unclaimed)
    assert.deepEqual(await open().adopt(), [])
    assert.deepEqual(
      (await readdir(dir)).filter((name) => !name.startsWith('.')),
      [],
    )
    await mkdir(pathsOf(order).work, { recursive: true })
    await driver!.start(order)
    assert.equal((await driver!.wait(order.runId)).exitCode, 0)
  })

  it('remembers a run that was stopped before its shim could do anything', async () => {
    const order = sh('sleep 300')
    const { pid } = await open().start(order)
    // The shim is younger than a shell needs to read its script.
    process.kill(-pid, 'SIGKILL')
    const exit = await driver!.wait(order.runId)
    assert.equal(exit.killedFor, 'lost')
    await driver!.close()
    const [adopted] = await open().adopt()
    assert.deepEqual({ ...adopted?.exit, endedAtMs: 0 }, { ...exit, endedAtMs: 0 })
  })

  it('does not let a shim begin that an adopting daemon has given up', async () => {
    const order = sh('exit 0')
    await forge(order, 'end   0 0 0 0 0\n')
    const [shim] = (await readdir(join(open() && dir, '.driver'))).filter((name) => name.startsWith('shim'))
    const late = spawn('/bin/sh', [join(dir, '.driver', shim!), '99999999', '1', '10', 'tee', '', 'touch', '../ran'], {
      cwd: pathsOf(order).root,
      detached: true,
      stdio: 'ignore',
    })
    assert.deepEqual((await once(late, 'exit'))[0], 121)
    assert.ok(!(await readdir(pathsOf(order).root)).includes('ran'))
  })

  it('says that the disk is full, and keeps exit codes on one that a task has filled', async function () {
    const script = `
      mount -t tmpfs -o size=1m tmpfs ${dir} &&
      exec ${process.execPath} --no-warnings ${join(import.meta.dirname, 'fixtures/full-disk.ts')} ${dir}`
    const probe = await promisify(execFile)('unshare', ['-rm', 'true']).catch((error: unknown) => error)
    const why = probe instanceof Error ? probe.message.trim() : ''
    requireOrSkip(this, why === '', `unshare -rm is not permitted here (${why})`)
    const { stdout } = await promisify(execFile)('unshare', ['-rm', 'sh', '-c', script])
    assert.deepEqual(JSON.parse(stdout), {
      filledExit: { exitCode: 7 },
      refused: 'disk-full',
      unpackRefused: 'disk-full',
      leftBehind: [],
    })
  })

  it('works for a user without privileges', async function () {
    const ownUid = process.getuid!()
    const uid = ownUid === 0 ? 65534 : ownUid
    const asOther = `chown ${uid}:${uid} "$0" && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups "$@"`
    const script = ownUid === 0 ? asOther : 'exec "$@"'
    const order = orderOf(['id', '-u'], { limits: { memoryBytes: 1e9 } })
    const args = ['-c', script, dir, ...daemonCommand(dir, [order])]
    const daemon = daemons.add(spawn('sh', args, { stdio: ['ignore', 'pipe', 'pipe'] }))
    let stderr = ''
    daemon.stderr.on('data', (chunk) => (stderr += chunk))
    const line = await Promise.race([once(createInterface({ input: daemon.stdout }), 'line'), once(daemon, 'exit')])
    const isReadable = typeof line[0] === 'string' || !/EACCES/.test(stderr)
    requireOrSkip(this, isReadable, 'the sources are not readable for other users')
    assert.equal(JSON.parse(line[0])[0].enforcement.memory, 'watched', stderr)
    await until('the run has ended', () => stateOf(order)?.phase === 'end')
    assert.equal(await readFile(pathsOf(order).stdout, 'utf8'), `${uid}\n`)
  })

  async function forge(order: StartOrder, state?: string, bootId = readBootId()): Promise<void> {
    const paths = pathsOf(order)
    await mkdir(paths.work, { recursive: true })
    const { taskId, attempt, timeoutMs, graceMs, logCapBytes, keepOutput } = order
    const enforcement = { cpu: 'none', memory: 'none' }
    const meta = {
      v: 1,
      taskId,
      attempt,
      startedAtMs: 1,
      bootId,
      timeoutMs,
      graceMs,
      logCapBytes,
      keepOutput,
      enforcement,
    }
    await writeFile(paths.meta, JSON.stringify(meta))
    if (state) await writeFile(paths.state, state)
  }
})

function isZombie(pid: number | undefined): boolean {
  return pid !== undefined && readStat(pid)?.state === 'Z'
}

/** Processes that run this directory's watchdog script. What a shell has forked and not become yet is none. */
async function watchdogsOf(dir: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (words[1]?.startsWith(join(dir, '.driver/watchdog-'))) found.push(Number(name))
  }
  return found.filter((pid) => !found.includes(readStat(pid)?.parent ?? 0))
}

const sleepers = new Map<number, Set<number>>()
/** How many different children a watchdog was seen with: it makes one `sleep` a look. */
async function childrenSeen(pid: number): Promise<number> {
  const seen = sleepers.get(pid) ?? new Set()
  sleepers.set(pid, seen)
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const line = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    if (Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]) === pid) seen.add(Number(name))
  }
  return seen.size
}
