import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hostPath, INSIDE } from '../../../src/drivers/process/isolation/sandbox.ts'
import { runPaths } from '../../../src/drivers/process/run-folder.ts'

describe('the sandbox', () => {
  let dir = ''
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'althing-sandbox-'))))
  afterEach(() => rmSync(dir, { recursive: true }))

  it("finds what is in a run's folders, and by links nothing beyond them", () => {
    const paths = runPaths(dir, 'r')
    mkdirSync(join(paths.work, 'sub'), { recursive: true })
    writeFileSync(join(paths.work, 'sub/tool'), '')
    symlinkSync('sub/tool', join(paths.work, 'inner'))
    symlinkSync('/etc', join(paths.work, 'absolute'))
    symlinkSync('../../../../../../../../etc', join(paths.work, 'relative'))
    assert.equal(hostPath(`${INSIDE.work}/inner`, paths), join(paths.work, 'inner'))
    for (const way of ['absolute', 'relative', 'absolute/passwd', 'relative/passwd', '../../../etc', 'none'])
      assert.equal(hostPath(`${INSIDE.work}/${way}`, paths), undefined, way)
    assert.equal(hostPath('/usr/bin/env', paths), '/usr/bin/env')
    assert.equal(hostPath('/etc/passwd', paths), undefined)
  })
})
