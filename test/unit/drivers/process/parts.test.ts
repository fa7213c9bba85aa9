import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Cgroups } from '../../../../src/drivers/process/cgroup.ts'
import { checkCommand, DEFAULT_PATH } from '../../../../src/drivers/process/environment.ts'
import { readLog } from '../../../../src/drivers/process/log-reader.ts'
import { bootSeconds, isAlive, readStat } from '../../../../src/drivers/process/proc.ts'
import {
  claimUnstarted,
  isRunId,
  readKillMark,
  readMeta,
  readState,
  runPaths,
  writeEnd,
  writeKillMark,
} from '../../../../src/drivers/process/run-folder.ts'

describe('parts of the process driver', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'althing-parts-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  describe('run folder', () => {
    it('takes only plain names for runs', () => {
      for (const name of ['a.1', '0-x.12', 'job.3.1']) assert.ok(isRunId(name), name)
      fc.assert(
        fc.property(fc.string(), (name) => {
          if (isRunId(name)) assert.ok(!name.includes('/') && !name.startsWith('.') && name !== '')
        }),
      )
    })

    it('reads whatever lies there without throwing', async () => {
      const paths = runPaths(dir, 'r.1')
      await mkdir(paths.root)
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
          for (const path of [paths.state, paths.killed, paths.meta]) await writeFile(path, bytes)
          assert.equal(readState(paths), 'incomplete')
          assert.equal(readKillMark(paths), undefined)
          assert.equal(readMeta(paths), undefined)
        }),
        { numRuns: 200 },
      )
    })

    it('overwrites a claim in place, and claims only once', async () => {
      const paths = runPaths(dir, 'r.1')
      await mkdir(paths.root)
      await writeFile(paths.state, 'run --- 12 3456 78 9\n')
      assert.equal(claimUnstarted(paths, 0, 0), false)
      writeEnd(paths, 137)
      assert.deepEqual(readState(paths), {
        phase: 'end',
        code: 137,
        pid: 12,
        startTime: '3456',
        deadlineS: 78,
        graceS: 9,
      })
      writeKillMark(paths, { why: 'memory', killAtS: 5 })
      assert.deepEqual(readKillMark(paths), { why: 'memory', killAtS: 5 })
    })
  })

  describe('processes', () => {
    it('knows a process by its start, whatever its name', async () => {
      const odd = join(dir, ') S 1 (')
      await copyFile('/bin/sleep', odd)
      const child = spawn(odd, ['60'], { detached: true, stdio: 'ignore' })
      try {
        const stat = readStat(child.pid!)!
        assert.deepEqual([stat.pid, stat.group, stat.session], [child.pid, child.pid, child.pid])
        const ticks = Number(stat.startTime)
        assert.ok(Math.abs(ticks / 100 - bootSeconds()) < 10, stat.startTime)
        assert.ok(isAlive(child.pid!, stat.startTime))
        assert.ok(!isAlive(child.pid!, String(ticks - 1)))
      } finally {
        child.kill('SIGKILL')
      }
    })
  })

  describe('commands', () => {
    it('finds what the shell would find', async () => {
      await mkdir(join(dir, 'bin'))
      await writeFile(join(dir, 'bin/tool'), '', { mode: 0o755 })
      await writeFile(join(dir, 'plain'), '', { mode: 0o644 })
      await symlink('bin/tool', join(dir, 'link'))
      for (const [word, path] of [
        ['sh', DEFAULT_PATH],
        ['/bin/sh', ''],
        ['bin/tool', ''],
        ['./link', ''],
        ['tool', '/nowhere:bin'],
        ['link', ':'],
        ['tool', '.:bin'],
      ] as const) {
        checkCommand(word, path, dir)
      }
      await writeFile(join(dir, 'tool'), '', { mode: 0o644 })
      checkCommand('tool', '.:bin', dir)
    })

    it('tells what is not there from what may not be executed, as a shell does', async () => {
      await mkdir(join(dir, 'bin'))
      await writeFile(join(dir, 'plain'), '', { mode: 0o644 })
      await symlink('nowhere', join(dir, 'dangling'))
      for (const [word, path] of [
        ['bin', '.'],
        ['tool', ''],
        ['', '.'],
        ['nope', DEFAULT_PATH],
        ['./nope', '.'],
        ['./dangling', ''],
        ['plain/nope', ''],
        ['x'.repeat(5_000), '.'],
      ] as const) {
        assert.throws(
          () => checkCommand(word, path, dir),
          { code: 'no-command', message: /^command not found: / },
          word,
        )
      }
      for (const [word, path, message, fix] of [
        ['plain', '/nowhere:.', /^cannot execute "plain" in .*: it is a file without the permission/, /chmod \+x/],
        ['./plain', '', /^cannot execute "\.\/plain": it is a file without the permission/, /chmod \+x/],
        ['./bin', '', /^cannot execute "\.\/bin": it is a directory$/, /name a program in it/],
      ] as const) {
        assert.throws(() => checkCommand(word, path, dir), { code: 'not-executable', message, fix }, word)
      }
    })
  })

  describe('cgroups', () => {
    it('writes what version 2 expects, below our own cgroup first', async () => {
      // A folder stands in for the mount: what is written is the kernel's interface, word for word.
      await mkdir(join(dir, 'own'))
      const cgroups = Cgroups.probe('/some/dir', `cgroup2 ${dir} cgroup2 rw 0 0\n`, '0::/own\n')
      assert.deepEqual([cgroups.version('memory'), cgroups.version('cpu')], ['cgroup-v2', 'cgroup-v2'])
      const { join: files } = cgroups.create('r.1', { memoryBytes: 1_000_000, cpuMilli: 250 })
      assert.equal(files.length, 1)
      const folder = files[0]!.replace(/\/cgroup\.procs$/, '')
      assert.ok(folder.startsWith(join(dir, 'own/althing-')))
      assert.equal(await readFile(join(folder, 'memory.max'), 'utf8'), '1000000')
      assert.equal(await readFile(join(folder, 'memory.oom.group'), 'utf8'), '1')
      assert.equal(await readFile(join(folder, 'cpu.max'), 'utf8'), '25000 100000')
      await writeFile(join(folder, 'memory.events'), 'low 0\noom 2\noom_kill 1\noom_group_kill 0\n')
      assert.equal(cgroups.oomKills('r.1'), 1)
      assert.equal(cgroups.oomKills('r.2'), 0)
    })

    it('holds nothing where nothing may be made', () => {
      const cgroups = Cgroups.probe(
        '/x',
        'cgroup2 /proc/nowhere cgroup2 rw 0 0\ncgroup /nowhere/m cgroup rw,memory 0 0\n',
        '',
      )
      assert.deepEqual([cgroups.version('memory'), cgroups.version('cpu'), cgroups.list()], [undefined, undefined, []])
      assert.deepEqual(cgroups.create('r.1', { memoryBytes: 1 }).join, [])
    })
  })

  describe('log reader', () => {
    function source(file: string) {
      const listeners = new Set<() => void>()
      const state = { ended: false, closed: false }
      const settle = (what: 'ended' | 'closed') => {
        state[what] = true
        for (const listener of listeners) listener()
      }
      const read = readLog(
        {
          folder: dir,
          file,
          capBytes: 100,
          ended: () => state.ended,
          closed: () => state.closed,
          onSettled: (listener) => {
            listeners.add(listener)
            return () => listeners.delete(listener)
          },
        },
        { offset: 0, follow: true, signal: AbortSignal.timeout(5_000) },
      )
      return { read, settle, listeners }
    }

    it('waits for a file that is not there yet, and reads what was written before the end was told', async () => {
      const file = join(dir, 'log')
      const { read, settle, listeners } = source(file)
      const first = read.next()
      await writeFile(file, 'one')
      assert.equal(Buffer.from((await first).value!).toString(), 'one')
      const second = read.next()
      await writeFile(file, 'two', { flag: 'a' })
      settle('ended')
      assert.equal(Buffer.from((await second).value!).toString(), 'two')
      assert.deepEqual(await read.next(), { done: true, value: undefined })
      assert.equal(listeners.size, 0)
    })

    it('leaves when the driver closes', async () => {
      const { read, settle } = source(join(dir, 'log'))
      const next = read.next()
      settle('closed')
      assert.deepEqual(await next, { done: true, value: undefined })
    })
  })
})
