import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Places } from '../../../../src/node/clusters/places.ts'
import { removeFolder } from '../../../../src/drivers/process/run-folder.ts'

const ID = 'a'.repeat(64)

describe('node/clusters: places', () => {
  let root: string
  let places: Places

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'althing-places-'))
    places = new Places(root)
  })
  afterEach(() => removeFolder(root))

  const kept = (name: string, taken: readonly number[] = []) =>
    places.keep({ name, ...places.begin(name, ID, taken), cluster: ID, own: false })

  it('are listed once they are kept, by name, each with a port of its own', () => {
    assert.deepEqual(places.list(), [])
    const begun = places.begin('works', ID, [])
    assert.deepEqual([places.list(), places.has('works')], [[], false])
    assert.equal(statSync(begun.dir).mode & 0o777, 0o700)
    const works = kept('works')
    const house = kept('house', [works.port])
    assert.deepEqual(places.list(), [house, works])
    assert.deepEqual([house.port, works.port], [4120, 4110])
    assert.deepEqual(readdirSync(works.dir), ['place.json'])
  })

  it('that came to nothing keep their key for the same cluster alone: a ticket may have been redeemed with it', () => {
    const again = (cluster: string | undefined): string[] => {
      const { dir } = places.begin('works', ID, [])
      for (const file of ['identity.key', 'althing.db']) writeFileSync(join(dir, file), 'x')
      places.begin('works', cluster, [])
      return readdirSync(dir).toSorted()
    }
    assert.deepEqual(again(ID), ['identity.key', 'pending'])
    assert.deepEqual(again('b'.repeat(64)), ['pending'])
    assert.deepEqual(again(undefined), [], 'one that is founded has a key that nobody has seen')
  })

  it('that cannot be read are named, and left alone', () => {
    const dir = join(root, 'clusters', 'works')
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'place.json'), '{ "port": 70000 }')
    mkdirSync(join(root, 'clusters', 'Not A Name'))
    const [found, ...others] = places.list()
    assert.deepEqual([found!.name, others, places.has('works')], ['works', [], true])
    assert.match('problem' in found! ? found.problem : '', /place\.json cannot be read/)
    assert.ok(existsSync(join(dir, 'place.json')))
  })

  it('that were left keep their store apart, and no key, run or bundle, whatever tasks did there', async () => {
    const place = kept('works')
    for (const file of ['identity.key', 'althing.db']) writeFileSync(join(place.dir, file), 'x')
    const locked = join(place.dir, 'runs', 'one', 'locked')
    mkdirSync(locked, { recursive: true })
    writeFileSync(join(locked, 'file'), 'x')
    chmodSync(locked, 0o500)
    await places.retire(place, 7)
    assert.deepEqual([places.list(), places.has('works')], [[], false])
    assert.deepEqual(readdirSync(join(root, 'left')), ['works-7'])
    assert.deepEqual(readdirSync(join(root, 'left', 'works-7')), ['althing.db'])
  })

  it('keep of what was left the newest twenty', async () => {
    for (let atMs = 1; atMs <= 22; atMs++) await places.retire(kept('works'), atMs * 1_000)
    const left = readdirSync(join(root, 'left'))
    assert.deepEqual([left.length, left.includes('works-1000'), left.includes('works-22000')], [20, false, true])
  })
})
