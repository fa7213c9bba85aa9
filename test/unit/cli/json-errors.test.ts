import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cli } from '../../support/cli.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

describe('cli: errors under --json', function () {
  this.timeout(30_000)
  let status: StatusFixture
  let dir: string
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'althing-json-'))
    status = await startStatus()
  })
  after(async () => {
    await status.stop()
    rmSync(dir, { recursive: true })
  })

  /** The one line on stderr, as what it is. */
  async function failing(args: readonly string[], socketPath = status.socketPath) {
    const { code, stderr, stdout } = await cli(args, { socketPath, env: { ALTHING_DATA_DIR: join(dir, 'data') } })
    assert.equal(stdout, '')
    const [line, rest, ...more] = stderr.split('\n')
    assert.deepEqual([rest, more], ['', []], stderr)
    return { exit: code, problem: JSON.parse(line!) as Record<string, unknown> }
  }

  it('are what the daemon answered', async () => {
    const { exit, problem } = await failing(['why', '--json', 'abcdef'])
    assert.deepEqual([exit, problem['status'], problem['code'], problem['title']], [1, 404, 'not-found', 'Not Found'])
    assert.equal(problem['type'], 'urn:althing:problem:not-found')
    assert.match(String(problem['detail']), /abcdef/)
  })

  it('have no status when no daemon answered', async () => {
    const { exit, problem } = await failing(['ps', '--json'], join(dir, 'none.sock'))
    const { detail, fix, ...rest } = problem
    assert.deepEqual(
      [exit, rest],
      [1, { type: 'urn:althing:problem:no-daemon', title: 'no daemon', code: 'no-daemon' }],
    )
    assert.match(`${String(detail)} ${String(fix)}`, /^no daemon runs here .*althing up/)
  })

  for (const [what, words, detail] of [
    ['an unknown option', ['ps', '--json', '--bogus'], /^unknown option '--bogus'/],
    ['an unknown command', ['--json', 'bogus'], /^unknown command 'bogus'/],
    ['a missing argument', ['logs', '--json'], /^missing required argument 'task'/],
    ['a command with none behind it', ['gov', '--json'], /^a command is missing$/],
    ['a wrong word', ['run', '--json', '--cpu', 'all', '--', 'true'], /^--cpu all: expected a CPU amount/],
    ['what only the daemon can tell', ['nodes', '--json', '-l', '(('], /^--selector/],
  ] as const)
    it(`are of the same form for wrong usage: ${what}`, async () => {
      const { exit, problem } = await failing(words)
      assert.deepEqual([exit, problem['code'], problem['title']], [2, 'usage', 'usage'])
      assert.match(String(problem['detail']), detail)
    })

  it('of `run` keep its exit codes', async () => {
    const { exit, problem } = await failing(['run', '--json', '--', 'true'], join(dir, 'none.sock'))
    assert.deepEqual([exit, problem['code']], [125, 'no-daemon'])
    const behind = await cli(['run', '--', 'true', '--json'], { socketPath: join(dir, 'none.sock') })
    assert.match(behind.stderr, /^althing: no daemon/, 'what is behind the command is its own')
    const without = await cli(['run', 'true', '--json'], { socketPath: join(dir, 'none.sock') })
    assert.match(without.stderr, /^althing: no daemon/)
  })

  it('are one line each where a command goes on', async () => {
    const { code, stderr } = await cli(['cancel', '--json', 'aaaa', 'bbbb'], { socketPath: status.socketPath })
    const codes = stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { code: string }).code)
    assert.deepEqual([code, codes], [1, ['not-found', 'not-found']])
  })

  it('tell what a daemon that does not start has said, in the foreground and detached', async () => {
    const config = join(dir, 'althing.db')
    writeFileSync(config, 'no database')
    const words = ['up', '--json', '--no-page', '--no-mdns', '--port', '0', '--data-dir', dir]
    for (const more of [[], ['--detach']]) {
      const { exit, problem } = await failing([...words, ...more], join(dir, 'a.sock'))
      assert.equal(exit, 1)
      assert.match(String(problem['detail']), /althing\.db/, more.join())
    }
  })
})
