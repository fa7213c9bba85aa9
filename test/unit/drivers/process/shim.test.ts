/** The shim by itself, under each POSIX shell that this machine has: no driver, no daemon. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHIM } from '../../../../src/drivers/process/scripts.ts'

const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'sh']]

for (const [program, ...args] of SHELLS) {
  const there = spawnSync(program!, [...args, '-c', ':']).status === 0
  if (!there) continue
  describe(`the shim under ${[program, ...args].join(' ')}`, () => {
    let dir: string
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'althing-shim-'))
      await mkdir(join(dir, 'work'))
      await writeFile(join(dir, '.shim'), SHIM)
    })
    afterEach(() => rm(dir, { recursive: true, force: true }))

    async function shim(command: string[], env: Record<string, string> = {}): Promise<Record<string, string>> {
      const variables = Object.entries({ PATH: '/usr/bin:/bin', ...env }).map(([name, value]) => `${name}=${value}`)
      const order = ['77', '5', '3', '/usr/bin/tee', '', String(variables.length), ...variables, ...command]
      const child = spawn(program!, [...args, join(dir, '.shim'), ...order], {
        cwd: dir,
        detached: true,
        stdio: 'ignore',
        env: { PATH: '/usr/bin:/bin' },
      })
      await once(child, 'exit')
      const files = (await readdir(dir, { withFileTypes: true })).filter(
        (entry) => entry.isFile() && entry.name !== '.shim',
      )
      return Object.fromEntries(
        await Promise.all(files.map(async ({ name }) => [name, await readFile(join(dir, name), 'utf8')])),
      )
    }

    it('writes state, logs and exit code', async () => {
      const files = await shim(['sh', '-c', 'echo out; echo err >&2; exit 12'])
      assert.match(files['state']!, /^end  12 \d+ \d+ 77 5\n$/)
      assert.deepEqual({ ...files, state: '' }, { state: '', stdout: 'out\n', stderr: 'err\n' })
    })

    it('reports death by a signal, and gives the task default signals', async () => {
      const files = await shim(['sh', '-c', 'grep SigIgn /proc/self/status; kill -TERM $$'])
      assert.match(files['state']!, /^end 143 /)
      assert.equal(files['stdout'], 'SigIgn:\t0000000000000000\n')
    })

    it('cuts at three blocks and reads on', async () => {
      const files = await shim(['sh', '-c', 'yes | head -c 100000; echo $? >&2'])
      assert.deepEqual([files['stdout']?.length, files['stderr'], files['cut']], [3 * 512, '0\n', ''])
    })

    it('does not begin when it was told to end before it could', async () => {
      await writeFile(join(dir, 'killed'), 'cancelled 0\n')
      const files = await shim(['sh', '-c', 'echo ran'])
      assert.match(files['state']!, /^end 143 /)
      assert.equal(files['stdout'], '')
    })

    it('does not begin when the run is claimed already', async () => {
      await writeFile(join(dir, 'state'), 'end   0 0 0 0 0\n')
      assert.deepEqual(await shim(['sh', '-c', 'echo ran']), { state: 'end   0 0 0 0 0\n' })
    })

    it('leaves the environment as it was given', async () => {
      const files = await shim(['env'], { IFS: 'x', deadline: 'mine', state: 'mine', LANG: 'C', LD_PRELOAD: '' })
      const lines = new Set(files['stdout']?.trim().split('\n'))
      for (const line of [
        'IFS=x',
        'deadline=mine',
        'state=mine',
        'LANG=C',
        'LD_PRELOAD=',
        `PWD=${join(dir, 'work')}`,
      ]) {
        assert.ok(lines.has(line), `${line} in ${files['stdout']}`)
      }
      assert.ok(![...lines].some((line) => line.startsWith('__a_') || line.startsWith('OLDPWD')))
    })
  })
}
