/** What a real daemon tells monitoring, as the tools that read it would have it. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { done, startClosed } from '../support/cluster.ts'
import { stopAll } from '../support/daemon.ts'
import { ask } from '../support/http.ts'
import { requireOrSkip } from '../support/require.ts'

describe('metrics of a real daemon', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('pass promtool, of one cluster and of two', async function () {
    requireOrSkip(this, spawnSync('promtool', ['--version']).status === 0, 'promtool is not installed')
    const daemon = await startClosed('one')
    await done(daemon.cli('run', '--', 'true'))
    const check = async (): Promise<string> => {
      const { text } = await ask({ socketPath: daemon.socketPath, path: '/metrics', headers: { host: 'x' } })
      const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
      return text
    }
    assert.match(await check(), /^althing_\w+\{?/m)
    await done(daemon.cli('init', 'works', '--beside'))
    assert.match(await check(), /\{cluster="works"/)
  })
})
