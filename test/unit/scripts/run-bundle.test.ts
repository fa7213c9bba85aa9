import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const RUN_BUNDLE = join(import.meta.dirname, '../../../bin/run-bundle.cjs')
/** Shows what a file that is required finds, and where it says its errors are. */
const BUNDLE = `const { said } = require('./other.cjs')
console.log(process.argv[1] === __filename, require('node:path').dirname(__filename) === __dirname, said)
console.log(exports === module.exports, '…'.length, new Error().stack.match(/some.cjs:[0-9:]+/)[0])
`
const SHOWN = 'true true other\ntrue 1 some.cjs:3:53\n'

describe('bin/run-bundle.cjs', () => {
  let dir: string
  let bundle: string
  let code: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-bundle-'))
    bundle = join(dir, 'some.cjs')
    code = join(dir, 'some.code')
    writeFileSync(bundle, BUNDLE)
    writeFileSync(join(dir, 'other.cjs'), "exports.said = 'other'")
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  /** What a Node says that runs these words, to which `bundles` is what is tested, and `file` the bundle. */
  const node = (words: string, env: Readonly<Record<string, string>> = {}): string => {
    const given = `const bundles = require(${JSON.stringify(RUN_BUNDLE)}); const file = ${JSON.stringify(bundle)}`
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', `${given}; ${words}`], { env, encoding: 'utf8' })
    return stdout + stderr
  }
  const keep = (): string =>
    node(`const codeNow = bundles.runToKeep(file)
      process.once('exit', () => require('node:fs').writeFileSync(bundles.keptCodeOf(file), codeNow()))`)
  const run = (): string => node('bundles.runBundle(file)')
  const isTaken = (env?: Readonly<Record<string, string>>): boolean =>
    node('console.log(bundles.compileKept(file)?.cachedDataRejected)', env) === 'false\n'

  it('runs a bundle as Node runs a file: without kept code, to keep it, and by it', () => {
    assert.equal(run(), SHOWN)
    assert.equal(keep(), SHOWN)
    assert.ok(isTaken())
    assert.equal(run(), SHOWN)
  })

  it('takes no code of another source of the same length, and none of another Node', () => {
    keep()
    writeFileSync(bundle, BUNDLE.replace('true', 'TRUE').replace('=== __filename', '!== __filename'))
    assert.ok(!isTaken())
    assert.equal(run(), SHOWN.replace('true', 'false'))
    keep()
    assert.ok(isTaken())
    const older =
      "Object.defineProperty(process, 'version', { value: 'v24.15.0' }); console.log(bundles.compileKept(file))"
    assert.equal(node(older), 'undefined\n')
  })

  it('runs the source where the code is damaged', () => {
    keep()
    const kept = readFileSync(code)
    for (const damaged of [kept.subarray(0, kept.length / 2), kept.subarray(0, 32), kept.subarray(0, 5), Buffer.of()]) {
      writeFileSync(code, damaged)
      assert.ok(!isTaken())
      assert.equal(run(), SHOWN)
    }
  })

  it('lets V8 compile by itself where coverage is measured', () => {
    keep()
    assert.ok(!isTaken({ NODE_V8_COVERAGE: join(dir, 'coverage') }))
  })
})
