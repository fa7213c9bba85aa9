import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Places } from '../../../../src/node/clusters/places.ts'
import { SILENT } from '../../../../src/util/logger.ts'

describe('node/clusters: places', () => {
  let root: string
  let places: Places

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'althing-places-'))
    places = new Places(root, SILENT)
  })
  afterEach(() => rmSync(root, { recursive: true }))

  it('are listed once they are kept, by name, each with a port of its own', () => {
    assert.deepEqual(places.list(), [])
    const works = places.begin('works', [])
    assert.deepEqual([places.list(), places.has('works')], [[], false])
    works.keep()
    const house = places.begin('house', [works.port])
    house.keep()
    assert.deepEqual(
      places.list().map(({ name, port }) => [name, port]),
      [
        ['house', 4120],
        ['works', 4110],
      ],
    )
    assert.equal(statSync(works.dir).mode & 0o777, 0o700)
  })

  it('that were given up half-way keep nothing but their key: a ticket may have been redeemed with it', () => {
    const place = places.begin('works', [])
    for (const file of ['identity.key', 'althing.db']) writeFileSync(join(place.dir, file), 'x')
    place.drop()
    assert.deepEqual(readdirSync(place.dir), ['identity.key'])
    places.begin('works', [])
    assert.ok(existsSync(join(place.dir, 'identity.key')))
  })

  it('that cannot be read are left alone, and their names stay taken', () => {
    const dir = join(root, 'clusters', 'works')
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'place.json'), '{ "port": 70000 }')
    mkdirSync(join(root, 'clusters', 'Not A Name'))
    assert.deepEqual([places.list(), places.has('works')], [[], true])
  })

  it('that were left keep their store apart, and no key', () => {
    const place = places.begin('works', [])
    place.keep()
    for (const file of ['identity.key', 'althing.db']) writeFileSync(join(place.dir, file), 'x')
    places.retire(place, 7)
    assert.deepEqual([places.list(), places.has('works')], [[], false])
    assert.deepEqual(readdirSync(join(root, 'left')), ['works-7'])
    assert.deepEqual(readdirSync(join(root, 'left', 'works-7')), ['althing.db'])
  })
})
