import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { MEMBERSHIP_BUGS } from '../../../scripts/simulate/membership-bugs.ts'
import { measureAccuracy } from './accuracy.ts'
import { simulateMembership } from './simulate.ts'
import { measureDetection } from './tables.ts'
import { World } from './world.ts'

/** More are run by hand and before releases. */
const SMOKE_SEEDS = 40

describe('simulator of membership', function () {
  this.timeout(120_000)

  it(`${SMOKE_SEEDS} seeds keep every rule`, () => {
    let faults = 0
    for (let seed = 1; seed <= SMOKE_SEEDS; seed++) {
      const result = simulateMembership(seed)
      const { ok, broken, problem, trace } = result
      const again = `npm run sim -- --membership --seed ${seed}`
      assert.ok(ok, `seed ${seed}: ${broken}: ${problem}\n${trace.slice(-40).join('\n')}\nagain: ${again}`)
      faults += result.faults.length
    }
    assert.ok(faults > 10 * SMOKE_SEEDS, `only ${faults} faults`)
  })

  it('replays a seed exactly', () => {
    const [first, second] = [simulateMembership(3, Infinity), simulateMembership(3, Infinity)]
    assert.deepEqual(first, second)
    assert.notDeepEqual(simulateMembership(4, Infinity).trace, first.trace)
  })

  it('all know of a kill within a second, of a silence within three', () => {
    for (const size of [8, 32]) {
      const kill = measureDetection({ size, what: 'kill', trials: 20, seed: 1 })
      const silence = measureDetection({ size, what: 'silence', trials: 20, seed: 1 })
      assert.ok(kill.maxMs <= 1_000, JSON.stringify(kill))
      assert.ok(silence.maxMs <= 3_000, JSON.stringify(silence))
    }
  })

  it('holds nobody offline who is slow, with a quarter of all packets lost', () => {
    const { falseOffline, pauses, suspects, examples } = measureAccuracy({ seed: 1, size: 60, minutes: 3, slow: 0.1 })
    assert.equal(falseOffline, 0, examples.join('\n'))
    assert.ok(pauses > 20 && suspects > 0, `${pauses} pauses, ${suspects} suspicions`)
  })

  it('holds nobody offline whose clock drifts or is set, and finds who is killed as soon as ever', () => {
    const world = new World({ seed: 3, size: 24 })
    const lost: string[] = []
    world.onEffect = ({ index }, effect) => {
      if (effect.type === 'verdict' && effect.verdict === 'offline') lost.push(`${world.nowMs} ${index}: ${effect.why}`)
    }
    for (const { index } of world.nodes) world.drift(index, index % 2 === 0 ? 0.95 : 1.05)
    for (let atMs = 20_000; atMs < 180_000; atMs += 1_000) {
      const index = world.rng.int(24)
      world.events.at(atMs, () => world.setWall(index, 6_000 * world.rng.next() - 3_000))
    }
    world.events.runUntil(180_000)
    assert.deepEqual(lost, [])
    world.kill(5)
    world.events.runUntil(181_000)
    assert.equal(lost.length, 23)
  })

  it('comes to the same whether or not nodes take heartbeats that are no news to them', () => {
    const storyOf = (everyBeat: boolean): string[] => {
      const story: string[] = []
      // Probes are rare, so that heartbeats come before anybody else has told.
      const world = new World({ seed: 2, size: 66, everyBeat, config: { lostProbeMs: 60_000, probeMs: 5_000 } })
      world.setLoss(0.3)
      world.onEffect = ({ index }, effect) => story.push(`${world.nowMs} ${index} ${JSON.stringify(effect)}`)
      const at = (atMs: number, run: (index: number) => void) =>
        world.events.at(atMs, () => Array.from({ length: 15 }, (_, index) => run(index)))
      at(10_000, (index) => world.setSilent(index, true))
      at(15_000, (index) => world.pause(index + 15, 8_000))
      at(20_000, (index) => world.kill(index + 30))
      at(25_000, (index) => world.leave(index + 45))
      at(30_000, (index) => world.boot(index + 30))
      // They come back under the pair that all hold them offline under: their heartbeats are news.
      at(40_000, (index) => world.setSilent(index, false))
      world.events.runUntil(60_000)
      return [...story, `${world.steps} steps`]
    }
    const each = storyOf(true)
    assert.deepEqual(storyOf(false), each)
    assert.ok(each.some((line) => line.includes('"offline"')) && each.some((line) => line.includes('refute')))
  })

  it('one that lies on errands delays nothing where three can be asked, and little where it is alone', () => {
    for (const [size, withinMs] of [
      [3, 12_000],
      [8, 4_000],
    ] as const) {
      const world = new World({ seed: 5, size })
      world.events.runUntil(40_000)
      const [victim] = world.nodes
      const liar = world.nodes.find(({ index, state }) => index > 0 && state.watches.has(victim!.id))!
      liar.errands = 'vouches'
      world.setSilent(0, true)
      world.events.runUntil(40_000 + withinMs)
      for (const { index, state } of world.nodes) {
        if (index === 0 || index === liar.index) continue
        assert.equal(state.members.get(victim!.id)?.verdict, 'offline', `${index} of ${size}`)
      }
    }
  })

  it('runs seeds over workers, in order, and fails when somebody was held', () => {
    const command = ['scripts/simulate.ts', '--membership', '--accuracy', '--json', '--workers', '2', '--nice']
    const small = ['--size', '6', '--minutes', '1', '--seeds', '3', '--from', '4']
    const run = (...more: string[]) => {
      const { status, stdout } = spawnSync(process.execPath, [...command, ...small, ...more], { encoding: 'utf8' })
      return {
        status,
        lines: stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      }
    }
    const good = run()
    assert.deepEqual([good.status, good.lines.map(({ seed }) => seed)], [0, [4, 5, 6, undefined]])
    const bad = run('--loss', '0.95')
    const { summary } = bad.lines.at(-1) as { summary: { falseOffline: number; seeds: number } }
    assert.ok(bad.status === 1 && summary.falseOffline > 0 && summary.seeds === 3, JSON.stringify(summary))
  })

  it('knows where to plant its bugs', () => {
    for (const { name, file, line } of MEMBERSHIP_BUGS) {
      const lines = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8').split('\n')
      const found = lines.filter((text) => text.trim() === line).length
      assert.equal(found, 1, `${name}: ${file} has this line ${found} times, so the bug must be written anew: ${line}`)
    }
    assert.equal(new Set(MEMBERSHIP_BUGS.map(({ name }) => name)).size, MEMBERSHIP_BUGS.length)
  })
})
