/**
 * What every driver must do, whatever it runs tasks in. Real processes, real files; a test waits for
 * what it needs and fails by its deadline, never by a sleep that was too short.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create as createTar } from 'tar'
import type { LogStream, StartOrder, TaskDriver } from '../../src/drivers/driver.ts'
import { TaskExit } from '../../src/model/task.ts'
import { until } from '../support/until.ts'
import { hostileTars, tarOf } from './fixtures/tars.ts'
import { requireOrSkip } from '../support/require.ts'

export interface DriverHarness {
  /** Opens a driver on this harness's directory: the first, or the next one after a `close`. */
  open(): Promise<TaskDriver>
  /** Ends everything that was started, and removes it. */
  dispose(): Promise<void>
  /** Names of what lies in the driver's directory, one for each run. */
  runsOnDisk(): Promise<string[]>
  /** The working directory of a run, as it knows it. */
  workOf(order: StartOrder): string
  /** Where on this machine lies what a run calls `path`; there, unless this says otherwise. */
  hostPath?(order: StartOrder, path: string): string
}

let lastRun = 0

export function orderOf(command: readonly string[], more: Partial<StartOrder> = {}): StartOrder {
  lastRun += 1
  const taskId = `t${process.pid}-${lastRun}`
  return {
    runId: `${taskId}.1`,
    taskId,
    attempt: 1,
    command,
    env: {},
    limits: {},
    timeoutMs: 60_000,
    graceMs: 5_000,
    logCapBytes: 1024 * 1024,
    keepOutput: false,
    ...more,
  }
}

export const sh = (script: string, more: Partial<StartOrder> = {}): StartOrder => orderOf(['sh', '-c', script], more)

export async function logOf(driver: TaskDriver, runId: string, stream: LogStream, follow = false): Promise<string> {
  const chunks: Uint8Array[] = []
  const signal = AbortSignal.timeout(20_000)
  for await (const chunk of driver.readLog(runId, stream, { offset: 0, follow, signal })) chunks.push(chunk)
  assert.ok(!signal.aborted, 'the log ended by itself')
  return Buffer.concat(chunks).toString()
}

/** A duration for `sleep` that nobody else on this machine sleeps for: by it those are found who do. */
export function rareSleep(): string {
  return `300.${String(Math.floor(Math.random() * 1e9)).padStart(9, '0')}`
}

/** How many sleep for it: the numbers that a task knows them by may be of another namespace. */
export function countSleeping(duration: string): Promise<number> {
  // Others have it in a script among their arguments, behind a blank.
  return countRunning(`sleep\0${duration}\0`)
}

/** How many processes have this text among their arguments. */
export async function countRunning(text: string): Promise<number> {
  const lines = (await readdir('/proc')).map((name) =>
    readFile(join('/proc', name, 'cmdline'), 'latin1').catch(() => ''),
  )
  return (await Promise.all(lines)).filter((line) => line.includes(text)).length
}

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

export function driverContract(
  name: string,
  makeHarness: () => Promise<DriverHarness>,
  /** Skips all of it where this machine cannot run it. */
  precondition: (context: Mocha.Context) => Promise<void> = async () => {},
): void {
  describe(`driver contract: ${name}`, function () {
    this.timeout(30_000)
    before(async function () {
      await precondition(this)
    })
    let harness: DriverHarness
    let driver: TaskDriver
    let scratch: string

    beforeEach(async () => {
      harness = await makeHarness()
      driver = await harness.open()
      scratch = await mkdtemp(join(tmpdir(), 'althing-contract-'))
    })
    afterEach(async () => {
      await driver.close()
      await harness.dispose()
      await rm(scratch, { recursive: true, force: true })
    })

    async function run(order: StartOrder): Promise<TaskExit> {
      await driver.start(order)
      const exit = await driver.wait(order.runId)
      assert.deepEqual(TaskExit.parse(exit), exit)
      assert.ok(exit.endedAtMs >= exit.startedAtMs)
      return exit
    }
    const hostPath = (order: StartOrder, path: string): string => harness.hostPath?.(order, path) ?? path
    async function firstBytes(runId: string, stream: LogStream, wanted: string): Promise<void> {
      let text = ''
      const options = { offset: 0, follow: true, signal: AbortSignal.timeout(10_000) }
      for await (const chunk of driver.readLog(runId, stream, options)) {
        text += Buffer.from(chunk).toString()
        if (text.includes(wanted)) return
      }
      assert.fail(`${JSON.stringify(wanted)} never came: ${JSON.stringify(text)}`)
    }

    describe('how a run ends', () => {
      it('reports success', async () => {
        const exit = await run(orderOf(['true']))
        assert.equal(exit.exitCode, 0)
        assert.deepEqual(Object.keys(exit).toSorted(), ['endedAtMs', 'exitCode', 'startedAtMs'])
      })

      it('reports the exit code of the command', async () => {
        for (const code of [1, 2, 42, 255]) assert.equal((await run(sh(`exit ${code}`))).exitCode, code)
      })

      it('reports a signal as its name and 128 + its number', async () => {
        for (const [signal, number] of [
          ['SIGSEGV', 11],
          ['SIGTERM', 15],
          ['SIGKILL', 9],
          ['SIGINT', 2],
        ] as const) {
          const exit = await run(sh(`kill -${signal.slice(3)} $$`))
          assert.deepEqual([exit.exitCode, exit.signal, exit.killedFor], [128 + number, signal, undefined])
        }
      })

      it('runs the program, not a builtin of a shell, and passes each word as it is', async () => {
        const words = ['a b', '', '$HOME', '"', "'", '\\', '\n', '*', '-n', 'ü']
        const order = orderOf(['printf', '[%s]', ...words])
        assert.equal((await run(order)).exitCode, 0)
        assert.equal(await logOf(driver, order.runId, 'stdout'), words.map((word) => `[${word}]`).join(''))
      })

      it('gives the same exit to everybody who waits, before and after', async () => {
        const order = sh('exit 7')
        await driver.start(order)
        const exits = await Promise.all([driver.wait(order.runId), driver.wait(order.runId)])
        exits.push(await driver.wait(order.runId))
        assert.deepEqual(
          exits.map((exit) => exit.exitCode),
          [7, 7, 7],
        )
      })

      it('kills what a task leaves behind, whatever that ignores, and does not wait for it', async () => {
        const rare = rareSleep()
        const order = sh(`
          sleep ${rare} &
          (trap "" TERM HUP; exec sleep ${rare}) &
          (trap "" TERM; exec sleep ${rare} >/dev/null 2>&1) &
          timeout 300 sleep ${rare} &
          mkfifo gate; echo ready; read -r _ <gate; exit 5`)
        await driver.start(order)
        await firstBytes(order.runId, 'stdout', 'ready')
        await until('all of them to be there', async () => (await countSleeping(rare)) >= 4)
        await writeFile(join(hostPath(order, harness.workOf(order)), 'gate'), 'go\n')
        assert.equal((await driver.wait(order.runId)).exitCode, 5)
        await until('all of them are gone', async () => (await countSleeping(rare)) === 0)
      })
    })

    describe('where a run runs', () => {
      it('gives it its own environment, and none of the daemon', async () => {
        process.env['ALTHING_TEST_SECRET'] = 'secret'
        const order = orderOf(['env'], { env: { COLOUR: 'red', LANG: 'C', EMPTY: '', LINES2: 'a\nb' }, attempt: 3 })
        await run(order)
        delete process.env['ALTHING_TEST_SECRET']
        const text = await logOf(driver, order.runId, 'stdout')
        for (const line of [
          'COLOUR=red',
          'LANG=C',
          'EMPTY=',
          'LINES2=a\nb',
          `ALTHING_TASK=${order.taskId}`,
          'ALTHING_ATTEMPT=3',
        ]) {
          assert.ok(`\n${text}`.includes(`\n${line}\n`), `${line} in ${text}`)
        }
        assert.match(text, /^PATH=.*\/usr\/bin/m)
        assert.doesNotMatch(text, /secret/)
      })

      it('gives it variables that mean something to a shell, as they are, and is not led astray by them', async () => {
        await mkdir(join(scratch, 'work'))
        const env: Record<string, string> = {
          ...{ IFS: '0123456789', CDPATH: scratch, PWD: 'no', OPTIND: 'abc', PPID: '7', RANDOM: 'x', ENV: '/nowhere' },
          ...{ __a_variables: '99', QUOTES: `'"$HOME\`\\\n\t`, PS4: '$(exit 1)', EMPTY: '', BASH_ENV: '/nowhere' },
        }
        const order = orderOf(['env', '-0'], { env })
        assert.equal((await run(order)).exitCode, 0)
        const lines = (await logOf(driver, order.runId, 'stdout')).split('\0')
        // A sandbox says where it is itself.
        if (harness.hostPath !== undefined) env['PWD'] = harness.workOf(order)
        for (const [variable, value] of Object.entries(env)) assert.ok(lines.includes(`${variable}=${value}`), variable)
        const asks = orderOf(['pwd', '-P'], { env })
        await run(asks)
        assert.equal((await logOf(driver, asks.runId, 'stdout')).trim(), harness.workOf(asks))
      })

      it('starts it in an empty directory that is also its home, with a place for temporary files', async () => {
        const order = sh('[ "$(pwd)" = "$HOME" ] && ls -A && echo x >"$TMPDIR/x" && cat "$TMPDIR/x"')
        assert.equal((await run(order)).exitCode, 0)
        assert.equal(await logOf(driver, order.runId, 'stdout'), 'x\n')
      })

      it('gives it nothing to read and default signals', async () => {
        const order = sh('cat; grep -E "Sig(Blk|Ign):" /proc/self/status')
        await run(order)
        const text = await logOf(driver, order.runId, 'stdout')
        assert.deepEqual(text.match(/\b0{16}\b/g)?.length, 2, text)
      })

      it('keeps two runs apart', async () => {
        const orders = [sh('echo one >f; cat f'), sh('ls; echo two >f; cat f')]
        await Promise.all(orders.map(run))
        assert.deepEqual(await Promise.all(orders.map((order) => logOf(driver, order.runId, 'stdout'))), [
          'one\n',
          'two\n',
        ])
      })
    })

    describe('logs', () => {
      it('keeps stdout and stderr apart, byte for byte', async () => {
        const order = sh(`printf 'a\\000b\\377'; printf 'err' >&2; echo again >/dev/stderr; printf c`)
        await run(order)
        const chunks: Uint8Array[] = []
        const options = { offset: 0, follow: false, signal: AbortSignal.timeout(5_000) }
        for await (const chunk of driver.readLog(order.runId, 'stdout', options)) chunks.push(chunk)
        assert.equal(Buffer.concat(chunks).toString('hex'), '610062ff63')
        assert.equal(await logOf(driver, order.runId, 'stderr'), 'erragain\n')
      })

      it('shows output at once, while the run goes on', async () => {
        // The task makes its own gate and waits at it: nothing but our reading lets this test go on.
        const order = sh('mkfifo gate; pwd; echo first; read -r _ <gate; echo second')
        await driver.start(order)
        let text = ''
        const options = { offset: 0, follow: true, signal: AbortSignal.timeout(20_000) }
        for await (const chunk of driver.readLog(order.runId, 'stdout', options)) {
          text += Buffer.from(chunk).toString()
          const folder = /^(.*)\nfirst\n$/.exec(text)?.[1]
          if (folder) await writeFile(join(hostPath(order, folder), 'gate'), 'go\n')
        }
        assert.match(text, /\nfirst\nsecond\n$/)
        assert.equal((await driver.wait(order.runId)).exitCode, 0)
      })

      it('reads from an offset, in chunks of at most 64 KiB, and stops when told to', async () => {
        const order = sh('head -c 200000 /dev/zero; sleep 300')
        await driver.start(order)
        const stop = new AbortController()
        let bytes = 0
        for await (const chunk of driver.readLog(order.runId, 'stdout', {
          offset: 50_000,
          follow: true,
          signal: stop.signal,
        })) {
          assert.ok(chunk.length <= 65_536)
          bytes += chunk.length
          if (bytes === 150_000) setImmediate(() => stop.abort())
        }
        assert.equal(bytes, 150_000)
        await driver.stop(order.runId, 'cancelled', 0)
        await driver.wait(order.runId)
      })

      it('cuts each log at its cap exactly, says so, and lets the task write on undisturbed', async () => {
        const script =
          'yes | head -c 300000 || exit 9; yes 2>/dev/null | head -c 1001 >&2; echo done >done; cat done >&2'
        for (const logCapBytes of [0, 1, 511, 512, 1000, 65_536]) {
          const order = sh(script, { logCapBytes })
          const exit = await run(order)
          assert.deepEqual([exit.exitCode, exit.logTruncated], [0, true])
          assert.equal((await logOf(driver, order.runId, 'stdout')).length, logCapBytes)
          assert.equal((await logOf(driver, order.runId, 'stderr')).length, Math.min(logCapBytes, 1006))
        }
      })

      it('does not call a log cut that fits to the byte', async () => {
        for (const logCapBytes of [512, 1000]) {
          const exit = await run(
            sh(`head -c ${logCapBytes} /dev/zero; head -c ${logCapBytes} /dev/zero >&2`, { logCapBytes }),
          )
          assert.equal(exit.logTruncated, undefined)
        }
      })

      it('refuses the log of a run that it does not know', async () => {
        await assert.rejects(logOf(driver, 'nobody.1', 'stdout'), { code: 'unknown-run' })
        await assert.rejects(driver.wait('nobody.1'), { code: 'unknown-run' })
      })
    })

    describe('input and output', () => {
      it('unpacks the input first, with its modes and links', async () => {
        const source = join(scratch, 'source')
        await tarOf(source, {
          'data/words.txt': 'four words are here\n',
          'bin/tool': ['#!/bin/sh\nwc -w <data/words.txt\n', 0o755],
        })
        const inputTarPath = join(scratch, 'input.tar')
        await createTar({ file: inputTarPath, cwd: source, portable: true }, ['.'])
        const order = orderOf(['bin/tool'], { inputTarPath })
        assert.equal((await run(order)).exitCode, 0)
        assert.equal((await logOf(driver, order.runId, 'stdout')).trim(), '4')
      })

      it('refuses a hostile or broken archive and leaves nothing behind', async () => {
        const outside = join(scratch, 'outside')
        for (const [what, bytes] of Object.entries(hostileTars(outside))) {
          const inputTarPath = join(scratch, 'hostile.tar')
          await writeFile(inputTarPath, bytes)
          await assert.rejects(driver.start(orderOf(['true'], { inputTarPath })), { code: 'unpack' }, what)
          assert.deepEqual(await harness.runsOnDisk(), [], what)
        }
        await assert.rejects(readFile(outside), { code: 'ENOENT' })
      })

      it('keeps what was written to the output directory, when it was asked to', async () => {
        const order = sh('echo result >"$ALTHING_OUTPUT/r"; mkdir "$ALTHING_OUTPUT/d"', { keepOutput: true })
        await run(order)
        const path = driver.outputPath(order.runId)
        assert.ok(path)
        assert.deepEqual((await readdir(path)).toSorted(), ['d', 'r'])
        assert.equal(await readFile(join(path, 'r'), 'utf8'), 'result\n')
        const unkept = sh('echo result >"$ALTHING_OUTPUT/r"')
        assert.equal((await run(unkept)).exitCode, 0)
        assert.equal(driver.outputPath(unkept.runId), undefined)
      })

      it('removes what else the task wrote once it has ended, however it is protected', async () => {
        const order = sh('pwd; mkdir -p locked/in; echo litter >locked/in/f; chmod 0 locked', { keepOutput: true })
        await run(order)
        const folder = hostPath(order, (await logOf(driver, order.runId, 'stdout')).trim())
        await until('the working directory to be gone', () => !existsSync(folder))
        assert.ok(existsSync(driver.outputPath(order.runId)!))
      })
    })

    describe('ending a run', () => {
      it('asks with SIGTERM, and records how the task answered and its last words', async () => {
        const order = sh('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done')
        await driver.start(order)
        await firstBytes(order.runId, 'stdout', 'ready')
        await driver.stop(order.runId, 'cancelled', 10_000)
        const exit = await driver.wait(order.runId)
        assert.deepEqual([exit.exitCode, exit.signal, exit.killedFor], [3, undefined, 'cancelled'])
        assert.equal(await logOf(driver, order.runId, 'stdout'), 'ready\nbye\n')
      })

      it('kills what ignores SIGTERM after the grace, with its children, wherever they hide', async () => {
        const rare = rareSleep()
        const order = sh(`trap "" TERM; timeout 300 sleep ${rare} & sleep ${rare} & echo ready; wait`)
        await driver.start(order)
        await firstBytes(order.runId, 'stdout', 'ready')
        const stoppedAtMs = performance.now()
        await driver.stop(order.runId, 'cancelled', 300)
        const exit = await driver.wait(order.runId)
        assert.ok(performance.now() - stoppedAtMs >= 290)
        assert.deepEqual([exit.exitCode, exit.signal, exit.killedFor], [137, 'SIGKILL', 'cancelled'])
        await until('the children are gone', async () => (await countSleeping(rare)) === 0)
      })

      it('is in time however early the stop comes', async () => {
        for (let turn = 0; turn < 10; turn += 1) {
          const order = sh('exec sleep 300', { graceMs: 20_000 })
          const starting = driver.start(order)
          if (turn % 2) await starting
          // The stop comes at another moment of the start each time.
          for (let turns = 0; turns < turn; turns += 1) await new Promise((resolve) => setImmediate(resolve))
          await driver.stop(order.runId, 'cancelled', 20_000)
          const exit = await driver.wait(order.runId)
          assert.equal(exit.killedFor, 'cancelled')
          assert.ok(exit.endedAtMs - exit.startedAtMs < 15_000, 'before the grace was over')
        }
      })

      it('ends a run at its timeout', async () => {
        const exit = await run(sh('sleep 300', { timeoutMs: 300 }))
        assert.deepEqual([exit.exitCode, exit.signal, exit.killedFor], [143, 'SIGTERM', 'timeout'])
        assert.ok(exit.endedAtMs - exit.startedAtMs >= 290)
      })

      it('does not overflow on a timeout of a year', async () => {
        const warnings: Error[] = []
        const onWarning = (warning: Error) => warnings.push(warning)
        process.on('warning', onWarning)
        assert.equal((await run(sh('sleep 0.2; exit 4', { timeoutMs: 365 * 86_400_000 }))).exitCode, 4)
        process.off('warning', onWarning)
        assert.deepEqual(warnings, [])
      })

      it('ends a run that takes more memory than it may', async function () {
        requireOrSkip(this, driver.enforcement().memory !== 'none', 'memory can be neither limited nor watched here')
        // Doubles a string until stopped: about 256 MiB within a second.
        const order = sh(`awk 'BEGIN { s = "x"; while (length(s) < 2e8) s = s s; system("sleep 300") }'`, {
          limits: { memoryBytes: 64 * 1024 * 1024 },
          graceMs: 200,
        })
        const started = await driver.start(order)
        assert.equal(started.enforcement.memory, driver.enforcement().memory)
        const exit = await driver.wait(order.runId)
        assert.equal(exit.killedFor, 'memory')
        assert.notEqual(exit.exitCode, 0)
      })

      it('lets a run with limits that it keeps to end in peace', async () => {
        const order = sh('exit 3', { limits: { memoryBytes: 64 * 1024 * 1024, cpuMilli: 500 } })
        const started = await driver.start(order)
        assert.deepEqual(started.enforcement, driver.enforcement())
        const exit = await driver.wait(order.runId)
        assert.deepEqual([exit.exitCode, exit.killedFor], [3, undefined])
      })

      it('ignores a stop of what it does not know or what has ended', async () => {
        await driver.stop('nobody.1', 'cancelled', 0)
        const order = sh('exit 2')
        await run(order)
        await driver.stop(order.runId, 'cancelled', 0)
        assert.equal((await driver.wait(order.runId)).killedFor, undefined)
      })
    })

    describe('starting', () => {
      it('starts a run once, however often it is asked', async () => {
        const order = sh('echo started; sleep 300')
        const all = await Promise.all([driver.start(order), driver.start(order)])
        all.push(await driver.start(order))
        assert.equal(new Set(all.map((started) => started.pid)).size, 1)
        await firstBytes(order.runId, 'stdout', 'started')
        await driver.stop(order.runId, 'cancelled', 0)
        const exit = await driver.wait(order.runId)
        assert.deepEqual(await driver.start(order), all[0])
        assert.deepEqual(await driver.wait(order.runId), exit)
      })

      it('names a command that does not exist or cannot be executed, and leaves nothing behind', async () => {
        for (const word of ['no-such-program', './nothing', '/no/such/file', '']) {
          await assert.rejects(driver.start(orderOf([word])), { code: 'no-command' }, word)
        }
        for (const word of ['/usr/lib/os-release', '/usr']) {
          await assert.rejects(driver.start(orderOf([word])), { code: 'not-executable' }, word)
        }
        await assert.rejects(driver.start(orderOf(['env'], { env: { PATH: '/nowhere' } })), { code: 'no-command' })
        assert.deepEqual(await harness.runsOnDisk(), [])
      })

      it('refuses a run id that is not a plain name', async () => {
        for (const runId of ['../x', 'a/b', '', '.hidden', 'A', 'x'.repeat(300)]) {
          await assert.rejects(driver.start({ ...orderOf(['true']), runId }), { code: 'spawn' }, runId)
        }
      })

      it('says so when the arguments are more than the system takes', async () => {
        await assert.rejects(driver.start(orderOf(['true', 'x'.repeat(200_000)])), { code: 'spawn' })
        assert.deepEqual(await harness.runsOnDisk(), [])
      })
    })

    describe('removing', () => {
      it('removes an ended run, refuses one that goes on, ignores what it does not know', async () => {
        const order = sh('mkdir shut; echo x >shut/f; chmod 555 shut; echo ready; sleep 300')
        await driver.start(order)
        await firstBytes(order.runId, 'stdout', 'ready')
        await assert.rejects(driver.remove(order.runId), { code: 'still-running' })
        await driver.stop(order.runId, 'cancelled', 0)
        await driver.wait(order.runId)
        await driver.remove(order.runId)
        assert.deepEqual(await harness.runsOnDisk(), [])
        await driver.remove(order.runId)
        await assert.rejects(driver.wait(order.runId), { code: 'unknown-run' })
      })
    })

    describe('adoption', () => {
      async function reopen(): Promise<void> {
        await driver.close()
        driver = await harness.open()
      }

      it('rejects who waits when it is closed, and leaves the run running', async () => {
        const order = sh('sleep 300')
        const { pid } = await driver.start(order)
        const waiting = assert.rejects(driver.wait(order.runId), { code: 'closed' })
        await driver.close()
        await waiting
        assert.ok(isRunning(pid))
      })

      it('finds what still runs: its log, its exit, and can stop it', async () => {
        const [ends, stays] = [
          sh('mkfifo gate; pwd; read -r _ <gate; echo after; exit 6'),
          sh('echo up; exec sleep 300'),
        ]
        const started = [await driver.start(ends), await driver.start(stays)]
        await firstBytes(ends.runId, 'stdout', '\n')
        await firstBytes(stays.runId, 'stdout', 'up')
        await reopen()
        const adopted = await driver.adopt()
        assert.deepEqual(
          adopted.toSorted((a, b) => a.started.pid - b.started.pid),
          [ends, stays]
            .map(({ runId, taskId, attempt }, n) => ({ runId, taskId, attempt, started: started[n]! }))
            .toSorted((a, b) => a.started.pid - b.started.pid),
        )
        const folder = (await logOf(driver, ends.runId, 'stdout')).trim()
        await writeFile(join(hostPath(ends, folder), 'gate'), 'go\n')
        assert.equal(await logOf(driver, ends.runId, 'stdout', true), `${folder}\nafter\n`)
        assert.equal((await driver.wait(ends.runId)).exitCode, 6)
        await driver.stop(stays.runId, 'cancelled', 1000)
        const exit = await driver.wait(stays.runId)
        assert.deepEqual([exit.exitCode, exit.killedFor], [143, 'cancelled'])
      })

      it('finds what ended meanwhile, and what had ended before', async () => {
        const [before, meanwhile] = [
          sh('exit 3'),
          sh('mkfifo gate; pwd; read -r _ <gate; yes | head -c 2000; exit 4', { logCapBytes: 1000 }),
        ]
        const early = await run(before)
        await driver.start(meanwhile)
        await firstBytes(meanwhile.runId, 'stdout', '\n')
        const folder = (await logOf(driver, meanwhile.runId, 'stdout')).trim()
        await driver.close()
        await writeFile(join(hostPath(meanwhile, folder), 'gate'), 'go\n')
        driver = await harness.open()
        const found = new Map((await driver.adopt()).map(({ runId, exit }) => [runId, exit]))
        assert.equal(found.get(before.runId)?.exitCode, early.exitCode)
        const exit = await driver.wait(meanwhile.runId)
        assert.deepEqual([exit.exitCode, exit.logTruncated], [4, true])
        assert.equal((await logOf(driver, meanwhile.runId, 'stdout')).length, 1000)
      })

      it('remembers why a run was killed', async () => {
        const order = sh('sleep 300')
        await driver.start(order)
        await driver.stop(order.runId, 'lost', 5_000)
        const exit = await driver.wait(order.runId)
        await reopen()
        const [adopted] = await driver.adopt()
        assert.deepEqual({ ...adopted?.exit, endedAtMs: 0 }, { ...exit, endedAtMs: 0 })
      })

      it('does not start again what an earlier daemon started', async () => {
        const order = sh('echo once; exec sleep 300')
        const started = await driver.start(order)
        await firstBytes(order.runId, 'stdout', 'once')
        await reopen()
        assert.deepEqual(await driver.start(order), started)
        assert.equal(await logOf(driver, order.runId, 'stdout'), 'once\n')
      })
    })
  })
}
