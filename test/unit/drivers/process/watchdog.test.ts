/** The watchdog script by itself, on folders made by hand, under each POSIX shell that this machine has. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootSeconds, readStat } from '../../../../src/drivers/process/proc.ts'
import { WATCHDOG } from '../../../../src/drivers/process/scripts.ts'

const SHELLS = [['sh'], ['bash', '--posix'], ['busybox', 'sh']]

for (const [program, ...args] of SHELLS) {
  const there = spawnSync(program!, [...args, '-c', ':']).status === 0
  if (!there) continue
  describe(`the watchdog under ${[program, ...args].join(' ')}`, function () {
    this.timeout(20_000)
    let dir: string
    const started: ChildProcess[] = []
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'althing-watchdog-'))
      await mkdir(join(dir, '.driver'))
      await writeFile(join(dir, '.driver/script'), WATCHDOG)
    })
    afterEach(async () => {
      for (const child of started.splice(0)) child.kill('SIGKILL')
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    })

    function watchdog(thoroughEvery: number): ChildProcess {
      const child = spawn(program!, [...args, join(dir, '.driver/script'), dir, '0.05', String(thoroughEvery)], {
        detached: true,
        stdio: 'ignore',
      })
      started.push(child)
      return child
    }
    /** A stand-in for a shim: leads its session, ignores SIGTERM if told to. */
    async function run(
      name: string,
      dueInS: number,
      options: { start?: string; stubborn?: boolean } = {},
    ): Promise<ChildProcess> {
      const script = `${options.stubborn ? 'trap "" TERM;' : ''} echo; exec sleep 300`
      const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
      started.push(child)
      await once(child.stdout, 'data')
      await mkdir(join(dir, name))
      const start = options.start ?? readStat(child.pid!)!.startTime
      const due = Math.floor(bootSeconds()) + dueInS
      await writeFile(join(dir, name, 'state'), `run --- ${child.pid} ${start} ${due} 1\n`)
      return child
    }
    const exists = (...path: string[]) =>
      access(join(dir, ...path)).then(
        () => true,
        () => false,
      )

    it('leaves when nothing runs, and only then', async () => {
      const task = await run('r.1', 1000)
      const dog = watchdog(2)
      let left = false
      dog.once('exit', () => (left = true))
      // It takes many thorough looks until this one is due, and it is still there to end it.
      await once(await run('late.1', 1), 'exit')
      assert.deepEqual(await once(watchdog(2), 'exit'), [0, null])
      assert.equal(left, false)
      assert.ok(await exists('.driver', 'watchdog.pid'))
      task.kill('SIGKILL')
      assert.deepEqual(await once(dog, 'exit'), [0, null])
      assert.ok(!(await exists('.driver', 'watchdog.pid')))
    })

    it('ends what is overdue: the reason first, SIGTERM, then SIGKILL', async () => {
      const [soft, hard, fresh, other] = [
        await run('soft.1', 0),
        await run('hard.1', 0, { stubborn: true }),
        await run('fresh.1', 1000),
        await run('other.1', 0, { start: '1' }),
      ]
      watchdog(1000)
      assert.deepEqual(await once(soft, 'exit'), [null, 'SIGTERM'])
      assert.match(await readFile(join(dir, 'soft.1/killed'), 'utf8'), /^timeout \d+\n$/)
      assert.deepEqual(await once(hard, 'exit'), [null, 'SIGKILL'])
      for (const child of [fresh, other]) assert.equal(child.exitCode ?? child.signalCode, null)
      assert.deepEqual([await exists('fresh.1', 'killed'), await exists('other.1', 'killed')], [false, false])
    })

    it('kills at once when it cannot write why, as on a full disk', async () => {
      const task = await run('r.1', 0, { stubborn: true })
      await mkdir(join(dir, 'r.1/killed'))
      watchdog(1000)
      assert.deepEqual(await once(task, 'exit'), [null, 'SIGKILL'])
    })

    it('finishes the kill of another, and what keeps a log open', async () => {
      const [begun, draining] = [await run('begun.1', 1000), await run('draining.1', 1000)]
      await writeFile(join(dir, 'begun.1/killed'), `cancelled ${Math.floor(bootSeconds()) - 1}\n`)
      const state = await readFile(join(dir, 'draining.1/state'), 'utf8')
      await writeFile(join(dir, 'draining.1/state'), state.replace('run ---', 'ran   0'))
      const ends = Promise.all([once(begun, 'exit'), once(draining, 'exit')])
      watchdog(1000)
      assert.deepEqual(await ends, [
        [null, 'SIGKILL'],
        [null, 'SIGKILL'],
      ])
      assert.match(await readFile(join(dir, 'begun.1/killed'), 'utf8'), /^cancelled /)
    })
  })
}
