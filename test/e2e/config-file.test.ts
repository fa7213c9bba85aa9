/** The file of a daemon's options: read by the shipped launcher, over the defaults and below flags and environment. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView } from '../../src/model/api.ts'
import { freshDataDir, runCli, startDaemon, stopAll } from '../support/daemon.ts'

const UP = ['up', '--no-page', '--no-mdns', '--port', '0']

describe('the configuration file', function () {
  this.timeout(60_000)
  afterEach(stopAll)

  it('is read where it is; flags go before the environment, that before the file, it before the defaults', async () => {
    const dataDir = freshDataDir()
    const file =
      'name: of-file\ncluster: of-file\nlabels: { zone: attic, rack: r1 }\nsettings: { bids.ask: 5 }\ncpu: 1\n'
    writeFileSync(join(dataDir, 'config.yaml'), file)
    const env = { ALTHING_CPU: '500m', ALTHING_NAME: 'of-environment' }
    const daemon = await startDaemon({ name: 'of-flag', dataDir, env, args: ['--label', 'rack=r2'] })
    const [node] = await daemon.get<NodeView[]>('/v1/nodes')
    assert.equal(daemon.status.name, 'of-flag')
    assert.deepEqual([node!.labels['zone'], node!.labels['rack']], ['attic', 'r2'])
    assert.equal(daemon.status.capacity.cpuMilli, 500)
    assert.equal((await daemon.cli('config', 'get', 'bids.ask')).stdout, '5\n')
    assert.equal((await daemon.cli('config', 'get', 'bids.window')).stdout, '400ms\n')
  })

  it('is refused with file, line and field before anything starts', async () => {
    const dataDir = freshDataDir()
    const path = join(dataDir, 'mine.yaml')
    writeFileSync(path, 'name: attic\nprot: 4100\n')
    for (const named of [
      { words: ['--config', path], env: {} },
      { words: [], env: { ALTHING_CONFIG: path } },
      { words: ['--config', path, '--detach'], env: {} },
    ]) {
      const result = await runCli([...UP, '--data-dir', dataDir, ...named.words], named.env)
      assert.deepEqual([result.code, result.stdout], [1, ''])
      assert.match(result.stderr, /mine\.yaml:2:1: prot: expected no such field/)
      assert.doesNotMatch(result.stderr, /\n +at /)
    }
    const missing = await runCli([...UP, '--data-dir', dataDir, '--config', join(dataDir, 'none.yaml')])
    assert.deepEqual(
      [missing.code, /none\.yaml: cannot be read: there is no such file/.test(missing.stderr)],
      [2, true],
    )
    const wrong = await runCli(['up', '--data-dir', dataDir], { ALTHING_PORT: 'x' })
    assert.deepEqual([wrong.code, /ALTHING_PORT=x: expected a whole number/.test(wrong.stderr)], [2, true])
  })

  it('has a schema for editors, as policies and passports have, without a daemon', async () => {
    for (const [name, field] of [
      ['config', 'logLevel'],
      ['policy', 'whenForbidden'],
      ['passport', 'capabilities'],
    ] as const) {
      const { code, stdout } = await runCli(['config', 'schema', name])
      assert.equal(code, 0)
      assert.ok(stdout.includes(`"${field}"`), name)
      assert.equal((JSON.parse(stdout) as { type: string }).type, 'object')
    }
    assert.equal((await runCli(['config', 'schema', 'cookies'])).code, 2)
  })
})
