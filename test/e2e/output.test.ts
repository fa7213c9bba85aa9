/** What tasks leave behind, and what users send, that no archive can hold: a real daemon as shipped. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeView } from '../../src/model/api.ts'
import { eventually, freshDataDir, startDaemon, stopAll } from '../support/daemon.ts'

describe('outputs and inputs as they come', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('brings what can be brought, says what cannot, and keeps nothing reserved', async () => {
    const daemon = await startDaemon({ name: 'n0' })
    const dir = freshDataDir()
    execFileSync('sh', ['-c', 'mkdir -p in/sub; echo one >in/a; mkfifo in/pipe'], { cwd: dir })
    const script = `
      ls in; cd "$ALTHING_OUTPUT"; mkfifo ff; mkdir -p d venv/bin
      ln -s /usr/bin/python3 venv/bin/python3; ln -s python3 venv/bin/python
      echo x >"$(printf 'caf\\351')"; echo kept >d/kept; exit 3`
    const words = ['--cpu', '1', '--timeout', '20s', '--input', 'in', '--output', 'out', '--', 'sh', '-c', script]
    const { code, stdout, stderr } = await daemon.cliIn(dir, 'run', ...words)
    assert.equal(code, 3, stderr)
    assert.equal(stdout, 'a\nsub\n')
    assert.match(stderr, /not sent with --input: in\/pipe \(a named pipe\)\n/)
    assert.match(stderr, /left out: caf\\xe9 \(its name is not UTF-8\), ff \(a named pipe\)\n/)
    assert.match(stderr, /left out: venv\/bin\/python3 \(leads out of the output, to \/usr\/bin\/python3\)\n/)
    assert.deepEqual(readdirSync(join(dir, 'out')).toSorted(), ['d', 'venv'])
    assert.equal(readFileSync(join(dir, 'out', 'd', 'kept'), 'utf8'), 'kept\n')
    assert.equal(readlinkSync(join(dir, 'out', 'venv', 'bin', 'python')), 'python3')

    const only = await daemon.cliIn(dir, 'run', '--output', 'none', '--', 'sh', '-c', 'mkfifo "$ALTHING_OUTPUT/ff"')
    assert.deepEqual([only.code, readdirSync(join(dir, 'none'))], [0, []], only.stderr)
    await eventually('all of the node to be free', async () => {
      const [node] = await daemon.get<NodeView[]>('/v1/nodes')
      return node!.free?.cpuMilli === node!.capacity?.cpuMilli
    })
  })

  it('of a task that nobody waited for can be waited for, and fetched', async () => {
    const daemon = await startDaemon({ name: 'n0' })
    const dir = freshDataDir()
    // The task reads from a pipe, and so goes on when the test writes to it, and not before.
    const pipe = join(dir, 'pipe')
    execFileSync('sh', ['-c', 'mkfifo pipe'], { cwd: dir })
    const script = `read word <'${pipe}'; echo "$word" >"$ALTHING_OUTPUT/f"; exit 5`
    const words = ['--detach', '--output', 'out', '--', 'sh', '-c', script]
    const started = await daemon.cliIn(dir, 'run', ...words)
    const taskId = started.stdout.trim()
    assert.equal(started.code, 0)
    assert.match(started.stderr, new RegExp(`althing output ${taskId} out`))
    const early = await daemon.cliIn(dir, 'output', taskId, 'out')
    assert.deepEqual([early.code, /has not ended/.test(early.stderr)], [1, true], early.stderr)
    await writeFile(pipe, 'x\n')
    const waited = await daemon.cliIn(dir, 'wait', taskId)
    assert.deepEqual([waited.code, waited.stdout], [5, `${taskId} failed\n`], waited.stderr)
    const fetched = await daemon.cliIn(dir, 'output', taskId, 'out')
    assert.deepEqual([fetched.code, fetched.stdout], [0, 'out\n'], fetched.stderr)
    assert.equal(readFileSync(join(dir, 'out', 'f'), 'utf8'), 'x\n')
  })

  it('of all tasks of a job can be waited for, and fetched, by the id of the job', async () => {
    const daemon = await startDaemon({ name: 'n0' })
    const dir = freshDataDir()
    const script = 'echo "$ALTHING_TASK" >"$ALTHING_OUTPUT/id"'
    const words = ['--detach', '--count', '2', '--cpu', '100m', '--output', 'out', '--', 'sh', '-c', script]
    const taskIds = (await daemon.cliIn(dir, 'run', ...words)).stdout.trim().split('\n')
    const jobId = taskIds[0]!.replace(/-0$/, '')
    const waited = await daemon.cliIn(dir, 'wait', jobId)
    assert.deepEqual(
      [waited.code, waited.stdout],
      [0, taskIds.map((id) => `${id} succeeded\n`).join('')],
      waited.stderr,
    )
    const fetched = await daemon.cliIn(dir, 'output', jobId, 'out')
    assert.deepEqual([fetched.code, fetched.stdout], [0, 'out/0\nout/1\n'], fetched.stderr)
    const told = taskIds.map((_, index) => readFileSync(join(dir, 'out', String(index), 'id'), 'utf8').trim())
    assert.deepEqual(told, taskIds)
  })

  it('a link that leads out of an input is refused before anything is sent', async () => {
    const daemon = await startDaemon({ name: 'n0' })
    const dir = freshDataDir()
    execFileSync('sh', ['-c', 'mkdir in; ln -s /etc/hosts in/hosts; ln -s ./fine in/fine'], { cwd: dir })
    const { code, stderr } = await daemon.cliIn(dir, 'run', '--input', 'in', '--', 'true')
    assert.equal(code, 2, stderr)
    assert.match(stderr, /the link in\/hosts leads out of what is sent, to \/etc\/hosts/)
    assert.deepEqual(await daemon.get('/v1/tasks'), [])
  })

  it('says why an output cannot be had', async () => {
    const daemon = await startDaemon({ name: 'n0' })
    const dir = freshDataDir()
    const gone = await daemon.cliIn(dir, 'run', '--output', 'out', '--', 'sh', '-c', 'rmdir "$ALTHING_OUTPUT"')
    assert.equal(gone.code, 125)
    assert.match(gone.stderr, /could not be packed on its executor: \. cannot be read: ENOENT/)
  })
})
