/** What runs tasks of anybody says so in red on a terminal, and without a colour where none is wanted. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { freshDataDir, runCli, stopAll } from '../support/daemon.ts'
import { requireOrSkip } from '../support/require.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/althing')
const SCRIPT = '/usr/bin/script'
const RED = '\u001b[31m'
const PLAIN = '\u001b[0m'

describe('open, in red', function () {
  this.timeout(60_000)
  let dataDir: string

  before(function () {
    requireOrSkip(
      this,
      process.platform === 'linux' && existsSync(SCRIPT),
      'needs `script` of util-linux, for a terminal',
    )
    dataDir = freshDataDir()
  })
  after(async () => {
    if (dataDir !== undefined) await runCli(['down', '--data-dir', dataDir])
    await stopAll()
  })

  /** What a command of this daemon writes to a terminal. */
  async function onTerminal(env: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
    const { NO_COLOR: _, ...inherited } = process.env
    const child = spawn(SCRIPT, ['-qec', [LAUNCHER, '--data-dir', dataDir, ...args].join(' '), '/dev/null'], {
      env: { ...inherited, TERM: 'xterm', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    assert.equal(code, 0, said)
    return said
  }

  it('by `up --open`, `init --open`, `status`, `gov log`; without a colour by NO_COLOR or --no-color', async () => {
    const up = ['up', '--detach', '--open', '--port', '0', '--no-page', '--no-mdns', '--name', 'red']
    const red = (words: string) => `${RED}${words}${PLAIN}`
    const anyone = 'YES: runs tasks of anyone who connects'
    assert.ok((await onTerminal({}, ...up)).includes(red(anyone)))
    const status = () => onTerminal({}, 'status')
    assert.ok((await status()).includes(red(anyone)))
    const founded = await onTerminal({}, 'init', 'play', '--owner', 'ann', '--open')
    assert.ok(founded.includes(red('althing: OPEN: anybody links, and every node runs tasks of anybody')), founded)
    assert.ok((await status()).includes(red(anyone)))
    const log = red('YES: anybody links, every node runs tasks of anybody')
    assert.ok((await onTerminal({}, 'gov', 'log')).includes(log))
    for (const [env, ...flags] of [[{ NO_COLOR: '1' }], [{}, '--no-color']] as const) {
      const said = await onTerminal(env, ...flags, 'status')
      assert.ok(said.includes(anyone))
      assert.ok(!said.includes('\u001b['), JSON.stringify(said))
    }
    assert.ok(!(await runCli(['status', '--data-dir', dataDir], { NO_COLOR: '' })).stdout.includes('\u001b['), 'a pipe')
  })
})
