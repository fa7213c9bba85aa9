/**
 * A month in which one node is away, by real daemons whose wall clock is set on by 31 days (`skewed-clock.cjs`, which
 * the test loads into their processes; the product knows nothing of it). What others decided meanwhile it does not
 * know, and somebody who was expelled shows it the old state of things.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { StatusView } from '../../src/model/api.ts'
import type { WhyView } from '../../src/model/why-view.ts'
import { clusterOf, done, found, idOf, linksOf, sees, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, stopAll, type TestDaemon } from '../support/daemon.ts'

const CLOCK = new URL('../support/skewed-clock.cjs', import.meta.url).pathname
const MONTH_MS = 31 * 24 * 60 * 60 * 1000
const LATER = { NODE_OPTIONS: `--require ${CLOCK}`, SKEWED_CLOCK_MS: String(MONTH_MS) }

const placeOf = async (daemon: TestDaemon) => (await daemon.get<StatusView>('/v1/status')).governance!
const addressOf = async (daemon: TestDaemon) => (await daemon.get<StatusView>('/v1/status')).addresses[0]!

/** The same node a month later. */
function later({ name, dataDir }: TestDaemon, ...at: string[]): Promise<TestDaemon> {
  return startClosed(name, { dataDir, env: LATER, join: at })
}

describe('a node that was away for a month', function () {
  this.timeout(120_000)
  afterEach(stopAll)

  it('takes no work of others while only an expelled member speaks to it; knows all once others do', async () => {
    const names = ['founder', 'second', 'third', 'rogue']
    const before = (await Promise.all(names.map((name) => startClosed(name)))) as [
      TestDaemon,
      TestDaemon,
      TestDaemon,
      TestDaemon,
    ]
    await found(before)
    const [rogueId, secondId] = [await idOf(before[3]), await idOf(before[1])]
    await eventually('the words of others', async () => (await placeOf(before[2])).fresh)
    for (const daemon of before) await daemon.kill()

    const founder = await later(before[0])
    const second = await later(before[1], await addressOf(founder))
    await sees(founder, secondId)
    await done(founder.cli('member', 'revoke', rogueId, '--reason', 'stolen'))
    await done(founder.cli('gov', 'propose', '--enroll', secondId, '--out', join(freshDataDir(), 'p.json')))

    // The first that it meets is the one that was expelled, and that nobody told.
    const rogue = await later(before[3])
    const third = await later(before[2], await addressOf(rogue))
    await sees(rogue, await idOf(third))
    const place = await placeOf(third)
    assert.deepEqual([place.fresh, (await clusterOf(third)).height], [false, 0])
    assert.match(await done(third.cli('status')), /STALE +no other members confirmed lately who belongs/)
    const submitted = await done(rogue.cli('run', '--json', '--detach', '-l', 'seat=third', '--', 'true'))
    const [taskId] = (JSON.parse(submitted) as { taskIds: string[] }).taskIds
    await eventually('a decline', async () => {
      const why = JSON.stringify(await rogue.get<WhyView>(`/v1/tasks/${taskId}/why`))
      return why.includes('what this node knows may be out of date') && why
    })
    assert.equal(await done(third.cli('run', '-l', 'seat=third', '--', 'echo', 'own')), 'own\n')

    // Then it meets the others.
    await third.kill()
    const back = await later(third, await addressOf(founder), await addressOf(rogue))
    await eventually('it to know what was decided', async () => (await clusterOf(back)).height === 1)
    await eventually('the words of others again', async () => (await placeOf(back)).fresh)
    assert.ok(!(await linksOf(back)).includes(rogueId), 'who was expelled is out here, too')
    await sees(founder, await idOf(back))
    assert.equal(await done(second.cli('run', '-l', 'seat=third', '--', 'echo', 'back')), 'back\n')
  })
})
