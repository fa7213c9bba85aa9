import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { V8_FLAGS } from '../../src/cli/up/become.ts'

const ROOT = join(import.meta.dirname, '../..')

describe('what a build keeps', () => {
  const isTaken = (program: string, ...flags: string[]): boolean => {
    const words = 'console.log(require("./bin/run-bundle.cjs").compileKept(process.argv[1])?.cachedDataRejected)'
    const args = [...flags, '-e', words, join(ROOT, 'dist', `${program}.cjs`)]
    return execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }) === 'false\n'
  }

  it('is code that V8 takes under the flags that a command and the daemon are started with', () => {
    assert.ok(isTaken('cli'))
    assert.ok(isTaken('daemon', ...V8_FLAGS))
  })
})
