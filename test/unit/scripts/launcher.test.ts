import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SYSTEM_PATH = '/usr/bin:/bin'

describe('bin/althing', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'althing-bin-'))
    cpSync(join(ROOT, 'bin'), join(home, 'bin'), { recursive: true })
    plant('dist/cli.cjs', 'console.log("cli", process.execPath, ...process.argv.slice(2)); process.exitCode = 7')
  })
  afterEach(() => rmSync(home, { recursive: true }))

  const plant = (path: string, text: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), text, { mode: 0o755 })
  }
  const linkNode = (path: string): void => {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    symlinkSync(process.execPath, join(home, path))
  }
  const launch = (args: string[] = [], path = SYSTEM_PATH, command = join(home, 'bin', 'althing')) => {
    const { status, stdout, stderr } = spawnSync(command, args, { env: { PATH: path }, cwd: home })
    return { status, stdout: String(stdout), stderr: String(stderr) }
  }

  it('runs the Node that npm brought, before any on the PATH, and hands on arguments and exit code', () => {
    linkNode('node_modules/.bin/node')
    plant('other/node', '#!/bin/sh\necho the wrong Node')
    const { status, stdout } = launch(['nodes', '-l', 'a b', ''], `${join(home, 'other')}:${SYSTEM_PATH}`)
    assert.equal(stdout, `cli ${process.execPath} nodes -l a b \n`)
    assert.equal(status, 7)
  })

  it('finds its home through symbolic links, relative and absolute', () => {
    linkNode('node_modules/.bin/node')
    mkdirSync(join(home, 'links'))
    symlinkSync('../bin/althing', join(home, 'links', 'one'))
    symlinkSync(join(home, 'links', 'one'), join(home, 'links', 'two'))
    assert.equal(launch([], SYSTEM_PATH, join(home, 'links', 'two')).status, 7)
  })

  it('finds a Node beside the package where it is a dependency', () => {
    plant('node_modules/althing/dist/cli.cjs', 'console.log("dependency")')
    cpSync(join(home, 'bin'), join(home, 'node_modules', 'althing', 'bin'), { recursive: true })
    linkNode('node_modules/.bin/node')
    const nested = join(home, 'node_modules', 'althing', 'bin', 'althing')
    assert.equal(launch([], '/bin', nested).stdout, 'dependency\n')
  })

  it('falls back to the Node on the PATH', () => {
    linkNode('other/node')
    assert.equal(launch([], `${join(home, 'other')}:${SYSTEM_PATH}`).status, 7)
  })

  it('says what to do when that Node is too old, without reading the bundle', () => {
    plant('dist/cli.cjs', 'this is syntax of the future')
    // What an old Node is to the check: another version.
    plant(
      'old.cjs',
      'Object.defineProperty(process, "versions", { value: { node: "24.14.9" } }); require(process.argv[2])',
    )
    plant('other/node', `#!/bin/sh\nexec ${process.execPath} ${join(home, 'old.cjs')} "$@"`)
    const { status, stderr } = launch([], `${join(home, 'other')}:${SYSTEM_PATH}`)
    assert.equal(status, 1)
    assert.match(stderr, /needs Node 24\.15 or newer[^]*Node 24\.14\.9[^]*Fix: /)
  })

  it('says what to do when there is no Node, and when nothing is built', () => {
    const noNode = launch([], join(home, 'empty'), join(home, 'bin', 'althing'))
    assert.equal(noNode.status, 1)
    assert.match(noNode.stderr, /no Node on the PATH. Fix: install/)
    rmSync(join(home, 'dist'), { recursive: true })
    const unbuilt = launch()
    assert.equal(unbuilt.status, 1)
    assert.match(unbuilt.stderr, /dist\/cli\.cjs is missing. Fix: `npm ci && npm run build`/)
  })
})

describe('the check of the Node version', () => {
  const check = (version: string): number | null =>
    spawnSync(process.execPath, [
      '-e',
      `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })
       require(${JSON.stringify(join(ROOT, 'bin', 'check-node.cjs'))})`,
    ]).status

  it('knows 24.15 from what is older', () => {
    for (const old of ['0.10.48', '20.20.2', '22.99.0', '24.0.0', '24.14.9']) assert.equal(check(old), 1, old)
    for (const enough of ['24.15.0', '24.21.0', '25.0.0', '100.0.1']) assert.equal(check(enough), 0, enough)
  })
})
