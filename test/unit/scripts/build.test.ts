import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { collectLicenses } from '../../../scripts/build/licenses.ts'
import { hashInputs } from '../../../scripts/build/stamp.ts'

describe('build', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'althing-build-'))
    mkdirSync(join(root, 'src', 'deep'), { recursive: true })
    writeFileSync(join(root, 'src', 'deep', 'a.ts'), 'a')
    writeFileSync(join(root, 'lock.json'), '{}')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('is stale when a source has changed, moved or gone, and not when it was only touched', () => {
    const stamp = (): string => hashInputs(root, ['src', 'lock.json'])
    const first = stamp()
    utimesSync(join(root, 'src', 'deep', 'a.ts'), 1, 1)
    assert.equal(stamp(), first)

    const seen = new Set([first])
    const changes = [
      () => writeFileSync(join(root, 'src', 'deep', 'a.ts'), 'b'),
      () => renameSync(join(root, 'src', 'deep', 'a.ts'), join(root, 'src', 'deep', 'b.ts')),
      () => writeFileSync(join(root, 'lock.json'), '{ }'),
      () => writeFileSync(join(root, 'src', 'empty.ts'), ''),
      () => rmSync(join(root, 'src', 'deep', 'b.ts')),
    ]
    for (const [index, change] of changes.entries()) {
      change()
      seen.add(stamp())
      assert.equal(seen.size, index + 2)
    }
  })

  it('names every bundled package with its licence, once', () => {
    for (const [folder, name] of [
      ['node_modules/one', 'one'],
      ['node_modules/@scope/two', '@scope/two'],
      ['node_modules/one/node_modules/three', 'three'],
    ] as const) {
      mkdirSync(join(root, folder, 'dist'), { recursive: true })
      writeFileSync(join(root, folder, 'package.json'), JSON.stringify({ name, version: '1.2.3', license: 'MIT' }))
      writeFileSync(join(root, folder, 'LICENSE.md'), `terms of ${name}`)
    }
    const text = collectLicenses(root, [
      'src/a.ts',
      'node_modules/one/dist/a.js',
      'node_modules/one/dist/b.js',
      'node_modules/@scope/two/dist/a.js',
      'node_modules/one/node_modules/three/dist/a.js',
    ])
    assert.deepEqual(text.match(/^.* 1\.2\.3 \(MIT\)$/gm), [
      '@scope/two 1.2.3 (MIT)',
      'one 1.2.3 (MIT)',
      'three 1.2.3 (MIT)',
    ])
    assert.deepEqual(text.match(/terms of .*/g), ['terms of @scope/two', 'terms of one', 'terms of three'])
  })
})
