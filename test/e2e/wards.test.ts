import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeView } from '../../src/model/api.ts'
import type { WardsView } from '../../src/model/ward-view.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'

/** Above eight members a mesh is a large one here: wards of four at most, and all times a fortieth. */
const env = { ALTHING_CUT_ABOVE: '8' }

const PASSPORT = `apiVersion: althing.dev/v1
kind: NodePassport
metadata:
  name: scribe
spec:
  type: agent
  version: "1"
  capabilities:
    - name: copy_book
`

describe('a mesh of daemons that is cut into wards', function () {
  this.timeout(180_000)
  afterEach(() => stopAll())

  const wardOf = async (daemon: TestDaemon) => (await daemon.get<WardsView>('/v1/wards')).ward
  const namesIn = async (daemon: TestDaemon, path = '/v1/nodes') =>
    (await daemon.get<NodeView[]>(path)).map(({ name }) => name).toSorted()

  async function start(name: string, by: TestDaemon | undefined, zone?: string): Promise<TestDaemon> {
    const args = zone === undefined ? [] : ['--label', `zone=${zone}`]
    return startDaemon({ name, env, args, ...(by && { join: [by.address] }) })
  }

  it('knows its ward, and finds, lists and runs in the others; and is one again when it is small', async () => {
    const first = await start('attic-0', undefined, 'attic')
    const attic = [first, ...(await Promise.all([1, 2, 3].map((i) => start(`attic-${i}`, first, 'attic'))))]
    const cellar = await Promise.all([0, 1, 2, 3].map((i) => start(`cellar-${i}`, first, 'cellar')))
    const alone = await start('roof', first)
    const all = [...attic, ...cellar, alone]
    const wards = new Map([
      ...attic.map((daemon) => [daemon, 'attic/'] as const),
      ...cellar.map((daemon) => [daemon, 'cellar/'] as const),
      [alone, '_/'] as const,
    ])
    for (const daemon of all) {
      await eventually(`${daemon.name} in its ward`, async () => (await wardOf(daemon)) === wards.get(daemon), 60_000)
    }
    const names = ['attic-0', 'attic-1', 'attic-2', 'attic-3']
    for (const daemon of attic)
      await eventually('its ward and no more', async () => (await namesIn(daemon)).join() === names.join(), 30_000)

    const shown = await eventually('all wards by their digests', async () => {
      const view = await first.get<WardsView>('/v1/wards')
      const members = view.wards.map(({ ward, members: count }) => `${ward} ${count}`)
      return members.join() === '_/ 1,attic/ 4,cellar/ 4' && view
    })
    assert.equal(shown.wards.find(({ own }) => own)?.ward, 'attic/')
    assert.match((await first.cli('nodes')).stderr, /5 more in 2 other wards, see `althing wards`/)
    const table = await first.cli('wards')
    assert.equal(table.code, 0)
    assert.match(table.stdout, /^attic\/ \*\s+4\s+4 /m)

    const listed = await first.cli('wards', 'cellar/')
    assert.equal(listed.code, 0, listed.stderr)
    for (const { name } of cellar) assert.match(listed.stdout, new RegExp(`^${name} +ready`, 'm'))
    assert.equal((await first.cli('node', 'roof', '--json')).code, 0)
    assert.equal((await namesIn(first)).join(), names.join(), 'whom it has heard of is none of its own')

    const file = join(freshDataDir(), 'scribe.yaml')
    writeFileSync(file, PASSPORT)
    assert.equal((await cellar[2]!.cli('apply', '-f', file)).code, 0)
    const found = await eventually('what another ward can do', async () => {
      const result = await attic[1]!.cli('find', 'copy_book')
      return result.code === 0 && result
    })
    assert.match(found.stdout, /^cellar-2 /m)

    const run = await attic[2]!.cli('run', '--selector', 'zone=cellar', '--', 'echo', 'from afar')
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /from afar/)

    await cellar[0]!.kill()
    await eventually('its own ward knows', async () => {
      const nodes = await cellar[1]!.get<NodeView[]>('/v1/nodes?all=true')
      return nodes.find(({ name }) => name === 'cellar-0')?.state === 'offline'
    })
    // If it spoke for its ward, what it said last stands until that expires.
    await eventually(
      'others by digest',
      async () => {
        const { wards: told } = await first.get<WardsView>('/v1/wards')
        return told.find(({ ward }) => ward === 'cellar/')?.members === 3
      },
      60_000,
    )

    await Promise.all([cellar[1]!, cellar[2]!, alone].map((daemon) => daemon.stop()))
    const left = [...attic, cellar[3]!]
    for (const daemon of left)
      await eventually(`${daemon.name} in one mesh again`, async () => (await wardOf(daemon)) === '/', 60_000)
    for (const daemon of left) {
      await eventually(
        `${daemon.name} knows all`,
        async () => {
          const nodes = await daemon.get<NodeView[]>('/v1/nodes')
          const ready = nodes.filter(({ state }) => state === 'ready').map(({ name }) => name)
          return ready.toSorted().join() === [...names, 'cellar-3'].join()
        },
        60_000,
      )
    }
  })
})
