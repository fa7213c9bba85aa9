import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { create, list } from 'tar'
import { cli, startCli, type CliOptions } from '../../support/cli.ts'
import type { Script } from '../../support/fake-operations.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const EXIT = { startedAtMs: 1, endedAtMs: 2 }

describe('cli: run', function () {
  this.timeout(30_000)
  let status: StatusFixture
  let dir: string
  beforeEach(async () => {
    status = await startStatus()
    dir = mkdtempSync(join(tmpdir(), 'althing-run-'))
  })
  afterEach(async () => {
    await status.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const options = (): CliOptions => ({ socketPath: status.socketPath, cwd: dir })
  const run = (...args: string[]) => cli(['run', ...args], options())
  const ends = (end: Script['end']): void => void (status.operations.script = () => ({ ...(end && { end }) }))

  it('brings both streams back byte for byte', async () => {
    const out = Buffer.from(Array.from({ length: 3 * 65_536 }, (_, index) => (index * 7) % 256))
    const err = Uint8Array.from({ length: 256 }, (_, index) => 255 - index)
    status.operations.script = () => ({ stdout: [out.subarray(0, 70_001), out.subarray(70_001)], stderr: [err] })
    const result = await run('--', 'cat')
    assert.ok(result.stdoutBytes.equals(out))
    assert.deepEqual([...result.stderrBytes], [...err], 'nothing of ours is mixed into a piped stderr')
    assert.equal(result.code, 0)
  })

  it('spreads over what is named, and refuses a skew of nothing', async () => {
    await run('--count', '2', '--spread', 'zone', '--max-skew', '3', '--', 'true')
    await run('--count', '2', '--spread', 'host', '--', 'true')
    const spreads = status.operations.submitted.map(({ spec }) => spec.spread)
    assert.deepEqual(spreads, [
      { over: 'zone', maxSkew: 3 },
      { over: 'host', maxSkew: 1 },
    ])
    for (const [words, expected] of [
      [['--max-skew', '2'], /--max-skew says nothing without --spread/],
      [['--spread', 'planet'], /--spread planet: expected .*host.*zone.*region/],
      [['--spread', 'zone', '--max-skew', '0'], /--max-skew 0: expected a whole number/],
    ] as const) {
      const { code, stderr } = await run(...words, '--', 'true')
      assert.equal(code, 2, stderr)
      assert.match(stderr, expected)
    }
  })

  it('has the exit code of the task when its log cannot be had, and says so', async () => {
    status.operations.logsBreak = 'the executor is gone'
    for (const [end, code] of [
      [{}, 0],
      [{ state: 'failed', exit: { exitCode: 3, ...EXIT } }, 3],
    ] as [Script['end'], number][]) {
      status.operations.script = () => ({ stdout: ['so far\n'], ...(end && { end }) })
      const result = await run('--', 'cat')
      assert.equal(result.stdout, 'so far\n')
      assert.match(result.stderr, /^althing: the rest of the log of \S+ could not be had: the executor is gone$/m)
      assert.equal(result.code, code)
    }
    const id = [...status.operations.fakeTasks.keys()][0]!
    const logs = await cli(['logs', id], options())
    assert.deepEqual([logs.stdout, logs.code], ['so far\n', 1])
    assert.match(logs.stderr, /the rest of the log of \S+ could not be had: the executor is gone/)
  })

  it('sends what the options say, and nothing else', async () => {
    await run(
      '--name',
      'n',
      '--cpu',
      '500m',
      '--memory',
      '1Gi',
      '-l',
      'zone=barn',
      '-e',
      'A=b=c',
      '-e',
      'PATH',
      '--timeout',
      '90s',
      '--grace',
      '2s',
      '--retries',
      '2',
      '--place-timeout',
      '5m',
      '--',
      'echo',
      '--cpu',
      '9',
      '-x',
    )
    const [{ spec, count, placeTimeoutMs }] = status.operations.submitted as [(typeof status.operations.submitted)[0]]
    assert.deepEqual(spec.command, ['echo', '--cpu', '9', '-x'])
    assert.deepEqual(spec.resources, { cpuMilli: 500, memoryBytes: 1024 ** 3 })
    assert.deepEqual(spec.limits, { cpuMilli: 500, memoryBytes: 1024 ** 3 })
    assert.deepEqual(
      [spec.name, spec.selector, spec.timeoutMs, spec.graceMs, spec.retries],
      ['n', 'zone=barn', 90_000, 2_000, 2],
    )
    assert.deepEqual(spec.env, { A: 'b=c', PATH: process.env['PATH'] })
    assert.deepEqual([count, placeTimeoutMs, spec.output, spec.input], [1, 300_000, false, undefined])
    await run('ls', '-l', '/')
    assert.deepEqual(
      status.operations.submitted[1]!.spec.command,
      ['ls', '-l', '/'],
      'the options of the command are its own',
    )
    assert.deepEqual(status.operations.submitted[1]!.spec.limits, {}, 'what is not asked for is not enforced')
  })

  const codes: [string, Script['end'], number, RegExp][] = [
    ['success', {}, 0, /^$/],
    ['the code of the task', { state: 'failed', exit: { exitCode: 3, ...EXIT } }, 3, /^$/],
    [
      'a signal',
      { state: 'failed', exit: { exitCode: 139, signal: 'SIGSEGV', ...EXIT } },
      139,
      /ended by SIGSEGV on barn/,
    ],
    [
      'too much memory',
      { state: 'failed', exit: { exitCode: 137, signal: 'SIGKILL', killedFor: 'memory', ...EXIT } },
      137,
      /more memory than its --memory/,
    ],
    [
      'no time left',
      { state: 'timed-out', exit: { exitCode: 143, signal: 'SIGTERM', killedFor: 'timeout', ...EXIT } },
      124,
      /ran out of time/,
    ],
    [
      'no such command',
      { state: 'failed', exit: { exitCode: 127, startError: 'no such file: frob', ...EXIT } },
      127,
      /could not be started on barn: no such file: frob/,
    ],
    [
      'a command that cannot be executed',
      { state: 'failed', exit: { exitCode: 126, startError: 'cannot execute "./x": it is a directory', ...EXIT } },
      126,
      /could not be started on barn: cannot execute "\.\/x": it is a directory/,
    ],
    [
      'nobody takes it',
      {
        state: 'failed',
        exit: {
          exitCode: 125,
          startError: 'NoCapableNodes: not placed within 1 s: barn not asked: too small',
          ...EXIT,
        },
      },
      125,
      /^althing: \S+: not placed within 1 s: barn not asked: too small; see `althing why \S+`$/m,
    ],
    [
      'cancelled by another',
      { state: 'cancelled', exit: { exitCode: 143, killedFor: 'cancelled', ...EXIT } },
      143,
      /was cancelled/,
    ],
  ]
  for (const [name, end, code, message] of codes) {
    it(`exit code: ${name} is ${code}`, async () => {
      ends(end)
      const result = await run('--', 'x')
      assert.equal(result.code, code)
      assert.match(result.stderr, message)
      assert.equal((await run('-q', '--', 'x')).stderr, '', '-q says nothing')
    })
  }

  it('exit code: never placed is 125, with why', async () => {
    status.operations.script = undefined
    const { done } = startCli(['run', '--place-timeout', '1s', '--', 'x'], options())
    await until('submitted', () => status.operations.fakeTasks.size === 1)
    status.operations.end('j1-0', { state: 'failed', exit: undefined })
    const { code, stderr } = await done
    assert.equal(code, 125)
    assert.match(stderr, /j1-0 could not be placed: no node has 64 cores free; see `althing why j1-0`/)
  })

  it('exit code: no daemon, or one that goes away, is 125', async () => {
    assert.equal((await cli(['run', '--', 'x'], { socketPath: join(dir, 'none') })).code, 125)
    status.operations.script = undefined
    const { done } = startCli(['run', '--', 'x'], options())
    await until('followed', () => status.operations.logReaders === 1)
    // Cut, as by kill -9: the stream of the logs breaks in its middle.
    status.operations.waitTask = () => Promise.reject(Object.assign(new Error('gone'), { code: 'x' }))
    await status.server.stop()
    const { code, stderr } = await done
    assert.equal(code, 125)
    assert.match(stderr, /althing: /)
  })

  it('has nothing to say about the log of what was never started', async () => {
    status.operations.logsBreak = 'there is no such run'
    ends({ state: 'failed', exit: { exitCode: 127, startError: 'command not found: "x"', ...EXIT } })
    const { stderr, code } = await run('--', 'x')
    assert.match(stderr, /^althing: \S+ could not be started on barn: command not found: "x"\n$/)
    assert.equal(code, 127)
  })

  it('says once that it waits, also when the reason says so itself', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '--', 'x'], options())
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    await until('it is submitted', () => status.operations.fakeTasks.has('j1-0'))
    const task = status.operations.fakeTasks.get('j1-0')!
    task.view = { ...task.view, waiting: 'waiting for capacity' }
    await until('the reason', () => stderr.endsWith('\n'))
    status.operations.end('j1-0', {})
    await done
    assert.equal(stderr, 'althing: waiting for capacity\n')
  })

  it('takes the same reasons in another order for no news', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '--', 'x'], options())
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    await until('it is submitted', () => status.operations.fakeTasks.has('j1-0'))
    const task = status.operations.fakeTasks.get('j1-0')!
    const find = status.operations.task.bind(status.operations)
    let looks = 0
    status.operations.task = (id) => {
      looks++
      task.view = {
        ...task.view,
        waiting: looks % 2 === 0 ? 'attic is full; barn is full' : 'barn is full; attic is full',
      }
      return find(id)
    }
    const before = looks
    await until('it has looked three times', () => looks - before >= 3, 15_000)
    status.operations.end('j1-0', {})
    await done
    assert.match(stderr, /^althing: waiting: (attic is full; barn|barn is full; attic) is full\n$/)
  })

  it('makes its directory for outputs before anything is run, but with --detach', async () => {
    status.operations.script = undefined
    const { done } = startCli(['run', '--output', 'out/put', '--', 'x'], options())
    await until('it is submitted', () => status.operations.fakeTasks.has('j1-0'))
    assert.ok(existsSync(join(dir, 'out', 'put')))
    status.operations.end('j1-0', { state: 'cancelled' })
    await done
    assert.equal((await run('--detach', '--output', 'later', '--', 'x')).code, 0)
    assert.ok(!existsSync(join(dir, 'later')))
  })

  it('says why it waits, then where it runs', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '-v', '--', 'x'], options())
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    await until('the reason', () => stderr.includes('waiting: no node has 64 cores free'))
    status.operations.start('j1-0')
    await until('the node', () => stderr.includes('j1-0 runs on barn'))
    status.operations.end('j1-0', {})
    assert.equal((await done).code, 0)
  })

  it('says once where its input is on its way to, and how far it has come only in place', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '-v', '--', 'x'], options())
    let stderr = ''
    child.stderr!.on('data', (data: Buffer) => (stderr += data.toString()))
    await until('the task', () => status.operations.fakeTasks.has('j1-0'))
    const fake = status.operations.fakeTasks.get('j1-0')!
    const waiting = 'fetching its input, 34 MiB of 120 MiB'
    fake.view = { ...fake.view, state: 'awarded', attempt: 1, nodeName: 'barn', waiting }
    await until('the place', () => stderr.includes('waiting: awarded on barn'))
    status.operations.start('j1-0')
    await until('the node', () => stderr.includes('j1-0 runs on barn'))
    status.operations.end('j1-0', {})
    assert.equal((await done).code, 0)
    assert.ok(!stderr.includes('34 MiB'), 'this is no terminal: each step would be a line')
  })

  it('packs its inputs under the names they were given', async () => {
    mkdirSync(join(dir, 'data', 'sub'), { recursive: true })
    writeFileSync(join(dir, 'data', 'sub', 'a.txt'), 'one two')
    writeFileSync(join(dir, '@odd'), 'not an archive')
    symlinkSync('sub/a.txt', join(dir, 'data', 'link'))
    assert.equal((await run('--input', './data', '--input', '@odd', '--', 'wc')).code, 0)
    const { input } = status.operations.submitted[0]!.spec
    const tar = status.operations.bundles.get(input!.sha256)!
    assert.equal(tar.length, input!.sizeBytes)
    const names: string[] = []
    list({ sync: true, onReadEntry: (entry) => void names.push(`${entry.path} ${entry.type}`) }).end(tar)
    assert.deepEqual(names.toSorted(), [
      '@odd File',
      'data/ Directory',
      'data/link SymbolicLink',
      'data/sub/ Directory',
      'data/sub/a.txt File',
    ])
    assert.equal((await run('--input', 'data/', '--input', join(dir, '@odd'), '--', 'wc')).code, 0)
    assert.equal(status.operations.bundles.size, 1, 'equal content has an equal hash')
  })

  it('leaves out of its inputs what no archive can hold, and says so', async () => {
    mkdirSync(join(dir, 'data', 'sub'), { recursive: true })
    execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd: join(dir, 'data') })
    writeFileSync(join(dir, 'data', 'z'), 'z')
    writeFileSync(Buffer.concat([Buffer.from(join(dir, 'data', 'caf')), Buffer.from([0xe9])]), 'latin1')
    const { code, stderr } = await run('--input', './data', '--', 'wc')
    assert.equal(code, 0, stderr)
    assert.equal(
      stderr,
      'althing: not sent with --input: data/caf\\xe9 (its name is not UTF-8), data/pipe (a named pipe)\n',
    )
    const { input } = status.operations.submitted[0]!.spec
    const names: string[] = []
    list({ sync: true, onReadEntry: ({ path }) => void names.push(path) }).end(
      status.operations.bundles.get(input!.sha256)!,
    )
    assert.deepEqual(names, ['data/', 'data/sub/', 'data/z'])
    const named = await run('--input', 'data/pipe', '--', 'wc')
    assert.equal(named.code, 2)
    assert.match(named.stderr, /--input data\/pipe: it is a named pipe; expected files, directories and symbolic links/)
  })

  it('refuses inputs from outside the directory, and missing ones', async () => {
    const outside = await run('--input', '../x', '--', 'wc')
    assert.deepEqual([outside.code, /lies outside the working directory/.test(outside.stderr)], [2, true])
    assert.equal((await run('--input', '/etc/hosts', '--', 'wc')).code, 2)
    assert.match((await run('--input', 'missing', '--', 'wc')).stderr, /--input missing: there is no such file/)
    assert.equal(status.operations.submitted.length, 0)
  })

  it('says so when the bundle is not taken', async () => {
    writeFileSync(join(dir, 'big'), Buffer.alloc(300_000))
    status.operations.bundleCapBytes = 1000
    const { code, stderr } = await run('--input', 'big', '--', 'wc')
    assert.deepEqual([code, stderr], [125, 'althing: the bundle is over the cap\n'])
  })

  it('brings the output back', async () => {
    mkdirSync(join(dir, 'made', 'deep'), { recursive: true })
    writeFileSync(join(dir, 'made', 'deep', 'result'), 'here', { mode: 0o755 })
    const tar = await buffer(create({ cwd: join(dir, 'made') }, ['deep']))
    status.operations.outputs.set('j1-0', tar)
    assert.equal((await run('--output', 'out/put', '--', 'make')).code, 0)
    assert.equal(status.operations.submitted[0]!.spec.output, true)
    assert.equal(readFileSync(join(dir, 'out', 'put', 'deep', 'result'), 'utf8'), 'here')
    assert.equal(statSync(join(dir, 'out', 'put', 'deep', 'result')).mode & 0o777, 0o755)
  })

  it('leaves out of an output the links that lead out of it, and brings the rest', async () => {
    mkdirSync(join(dir, 'made', 'bin'), { recursive: true })
    for (const [name, target] of [
      ['bin/python3', '/usr/bin/python3'],
      ['bin/up', '../../secret'],
      ['bin/good', '../lib'],
      ['bin/drive', 'c:windows'],
    ] as const)
      symlinkSync(target, join(dir, 'made', name))
    writeFileSync(join(dir, 'made', 'lib'), 'here')
    status.operations.outputs.set('j1-0', await buffer(create({ cwd: join(dir, 'made') }, ['.'])))
    ends({ exit: { exitCode: 0, outputNote: 'left out: ff (a named pipe)', ...EXIT } })
    const { code, stderr } = await run('--output', 'out', '--', 'make')
    assert.equal(code, 0, stderr)
    assert.deepEqual(readdirSync(join(dir, 'out', 'bin')), ['good'])
    assert.equal(readFileSync(join(dir, 'out', 'bin', 'good'), 'utf8'), 'here')
    assert.match(stderr, /the output of j1-0: left out: ff \(a named pipe\)\n/)
    for (const [name, target] of [
      ['python3', '/usr/bin/python3'],
      ['up', '../../secret'],
      ['drive', 'c:windows'],
    ] as const)
      assert.ok(stderr.includes(`bin/${name} (leads out of the output, to ${target})`), stderr)
  })

  it('makes an empty directory of an empty output, and no success of a broken one', async () => {
    for (const [index, tar, code] of [
      [0, Buffer.alloc(1024), 0],
      [1, Buffer.alloc(0), 125],
      [2, Buffer.from('no archive at all '.repeat(100)), 125],
    ] as const) {
      status.operations.outputs.set(`j${index + 1}-0`, tar)
      const result = await run('--output', `out${index}`, '--', 'make')
      assert.equal(result.code, code, `${index}: ${result.stderr}`)
      assert.deepEqual(readdirSync(join(dir, `out${index}`)), [])
    }
  })

  it('lets no output lead out of its directory, and no success hide a missing one', async () => {
    mkdirSync(join(dir, 'evil'))
    writeFileSync(join(dir, 'evil', 'x'), 'evil')
    const tar = await buffer(create({ cwd: join(dir, 'evil'), preservePaths: true, prefix: '../..' }, ['x']))
    status.operations.outputs.set('j1-0', tar)
    const evil = await run('--output', 'a/b', '--', 'make')
    assert.equal(evil.code, 125)
    assert.equal(existsSync(join(dir, 'x')), false)
    assert.deepEqual(readdirSync(join(dir, 'a', 'b')), [])
    const missing = await run('--output', 'c', '--', 'make')
    assert.deepEqual([missing.code, /could not be brought back: .*kept no output/.test(missing.stderr)], [125, true])
  })

  it('runs many: lines under their number, the code of the first that failed', async () => {
    status.operations.script = (_, index) => ({
      stdout: [`a${index}\nb`, `c${index}`],
      ...(index >= 20 && { end: { state: 'failed', exit: { exitCode: index, ...EXIT } } }),
    })
    const { stdout, stderr, code } = await run('--count', '25', '--', 'x')
    assert.equal(code, 20)
    const expected = Array.from({ length: 25 }, (_, index) => [`[${index}] a${index}`, `[${index}] bc${index}`]).flat()
    assert.deepEqual(stdout.trimEnd().split('\n').toSorted(), expected.toSorted())
    assert.match(stderr, /25 tasks: 20 succeeded, 5 did not/)
  })

  it('prints ids and goes, with --detach', async () => {
    status.operations.script = undefined
    assert.equal((await run('--detach', '--count', '2', '--', 'x')).stdout, 'j1-0\nj1-1\n')
    assert.deepEqual(JSON.parse((await run('--detach', '--json', '--', 'x')).stdout), {
      jobId: 'j2',
      taskIds: ['j2-0'],
    })
  })

  it('prints lines of JSON, with --json', async () => {
    status.operations.script = () => ({ stdout: ['hi'] })
    const lines = (await run('--json', '--', 'x')).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      lines.map(({ type, taskId }) => [type, taskId]),
      [
        ['log', 'j1-0'],
        ['task', 'j1-0'],
      ],
    )
    assert.equal(lines[1]!['state'], 'succeeded')
  })

  it('Ctrl-C once cancels and waits for the end', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '--', 'sleep'], options())
    await until('followed', () => status.operations.logReaders === 1)
    status.operations.start('j1-0')
    const cancelled = once(status.operations.changes, 'cancel')
    child.kill('SIGINT')
    await cancelled
    status.operations.write('j1-0', 'stdout', 'last words\n')
    status.operations.end('j1-0', { state: 'cancelled', exit: { exitCode: 143, killedFor: 'cancelled', ...EXIT } })
    const { code, stdout } = await done
    assert.deepEqual([code, stdout], [130, 'last words\n'])
  })

  it('Ctrl-C twice leaves at once, saying that the task may go on', async () => {
    status.operations.script = undefined
    const { child, done } = startCli(['run', '--', 'sleep'], options())
    await until('followed', () => status.operations.logReaders === 1)
    const cancelled = once(status.operations.changes, 'cancel')
    child.kill('SIGINT')
    await cancelled
    child.kill('SIGINT')
    const { code, stderr } = await done
    assert.equal(code, 130)
    assert.match(stderr, /task j1-0 may go on/)
  })

  it('cancels its task when its reader goes', async () => {
    status.operations.script = undefined
    const { child, closed } = startCli(['run', '--', 'yes'], options())
    await until('followed', () => status.operations.logReaders === 1)
    status.operations.start('j1-0')
    const cancelled = once(status.operations.changes, 'cancel')
    child.stdout!.destroy()
    status.operations.write('j1-0', 'stdout', 'y\n')
    await cancelled
    assert.equal((await closed)[0], 141)
  })
})
