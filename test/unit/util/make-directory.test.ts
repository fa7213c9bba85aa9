import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDirectory } from '../../../src/util/make-directory.ts'

describe('makeDirectory', () => {
  const root = mkdtempSync(join(tmpdir(), 'althing-mkdir-'))
  after(() => rmSync(root, { recursive: true, force: true }))

  it('makes all that is missing, and is content with what is there', () => {
    const path = join(root, 'a/b/c')
    makeDirectory(path, 0o700)
    makeDirectory(path, 0o700)
    assert.equal(statSync(path).mode & 0o777, 0o700)
  })

  it('fails where the system refuses, in finite time', () => {
    writeFileSync(join(root, 'file'), '')
    assert.throws(() => makeDirectory(join(root, 'file/below'), 0o700), { code: 'ENOTDIR' })
    if (process.platform === 'linux') assert.throws(() => makeDirectory('/proc/nobody/here', 0o700), { code: 'ENOENT' })
  })
})
