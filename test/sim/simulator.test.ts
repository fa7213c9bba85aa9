import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { PLANTED_BUGS } from '../../scripts/simulate/planted-bugs.ts'
import type { ControlMessage } from '../../src/model/control.ts'
import { seededRng } from '../../src/util/rng.ts'
import { Violation } from './checker.ts'
import { Network, type Loss } from './network.ts'
import { fastSealing, realSealing } from './sealing.ts'
import { simulate, type SeedResult } from './simulate.ts'
import { Timeline } from './timeline.ts'

const SMOKE_SEEDS = 30
const REAL_SEEDS = 3

/** Seeds that once showed a bug, and which. A file is added for every new one. */
interface Regression {
  readonly why: string
  readonly seeds: readonly number[]
  readonly real?: boolean
}

const recordOf = (body: string) => ({ kind: 'passport', name: 'default/a', epoch: 1, seq: 1, hlc: 1, ttlMs: 1, body })

function check(result: SeedResult): void {
  const { seed, real, ok, broken, problem, faults, trace } = result
  const again = `npm run sim -- --seed ${seed}${real ? ' --real' : ''}`
  assert.ok(ok, `seed ${seed}: ${broken}: ${problem}\n${trace().slice(-40).join('\n')}\nagain: ${again}`)
  // The last note is the healing.
  assert.ok(faults.length - 1 >= 3, `seed ${seed} had only ${faults.length - 1} faults`)
  assert.ok(result.virtualMs >= 60_000, `seed ${seed} lasted ${result.virtualMs} ms`)
}

describe('simulator', () => {
  it(`${SMOKE_SEEDS} seeds keep every rule`, function () {
    this.timeout(120_000)
    for (let seed = 1; seed <= SMOKE_SEEDS; seed++) check(simulate({ seed }))
  })

  it(`${REAL_SEEDS} seeds keep them with real signatures and frames`, function () {
    this.timeout(60_000)
    for (let seed = 1; seed <= REAL_SEEDS; seed++) check(simulate({ seed, real: true }))
  })

  it('replays a seed exactly', () => {
    const [first, second] = [simulate({ seed: 11, traceAll: true }), simulate({ seed: 11, traceAll: true })]
    assert.equal(first.steps, second.steps)
    assert.deepEqual(first.trace(), second.trace())
    assert.notDeepEqual(simulate({ seed: 12, traceAll: true }).trace(), first.trace())
  })

  const folder = new URL('regressions/', import.meta.url)
  for (const file of readdirSync(folder)) {
    const { why, seeds, real = false } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Regression
    it(`regression ${file}: ${why}`, function () {
      this.timeout(60_000)
      for (const seed of seeds) check(simulate({ seed, real }))
    })
  }

  describe('its network', () => {
    const arrived = (loss: Loss | undefined): Record<'records' | 'datagrams' | 'messages', number> => {
      const time = new Timeline(0)
      const network = new Network(time, seededRng(1))
      const end = (id: string) => ({ id, online: true, peerUp: () => undefined, peerDown: () => undefined })
      network.join(end('b'), [end('a')])
      network.nodeOnline('b')
      time.runUntil(5_000)
      network.lose('a', 'b', loss)
      const counts = { records: 0, datagrams: 0, messages: 0 }
      for (let turn = 0; turn < 1_000; turn++) {
        network.gossip('a', 'b', () => counts.records++)
        network.datagram('a', 'b', () => counts.datagrams++)
        network.send('a', 'b', () => counts.messages++)
      }
      time.runUntil(10_000)
      return counts
    }

    it('loses gossip and datagrams by share while told to, and nothing of an ordered stream', () => {
      const { records, datagrams, messages } = arrived({ records: 0.5, datagrams: 0.2 })
      assert.ok(Math.abs(records - 500) < 60, `${records} records of 1000`)
      assert.ok(Math.abs(datagrams - 800) < 60, `${datagrams} datagrams of 1000`)
      assert.equal(messages, 1_000)
      const sound = arrived(undefined)
      assert.deepEqual([sound.records, sound.messages], [1_000, 1_000])
      assert.ok(sound.datagrams > 950)
    })
  })

  describe('its wire', () => {
    const sealings = { fast: fastSealing(seededRng(1)), real: realSealing(() => 1_800_000_000_000) }
    const resources = { cpuMilli: 1, memoryBytes: 1 }
    const grants = Array.from({ length: 500 }, (_, i) => ({ taskId: `${i}`.padStart(64, 'x'), attempt: 1 }))
    const wanted = 'x'.repeat(256)
    const reason = { constraint: 'cpu', wanted, measured: wanted, temporary: false } as const
    const unpassable: Record<string, ControlMessage> = {
      'an id with a dot': { t: 'release', body: { bidId: 'b.1' } },
      'a field too many': { t: 'capacity', body: { free: { ...resources, gpus: 1 } as typeof resources } },
      'an undefined field': {
        t: 'report',
        body: { reports: [{ taskId: 'a', attempt: 1, phase: 'ended', startedAtMs: undefined! }] },
      },
      'more than an envelope may have': {
        t: 'contract',
        body: { bidId: 'b', accepted: grants, refused: grants.map((one) => ({ ...one, reason: wanted })) },
      },
    }
    const passable: ControlMessage = {
      t: 'decline',
      body: { offerId: 'o', reasons: Array.from({ length: 16 }, () => reason), wouldFit: resources },
    }
    for (const [name, sealing] of Object.entries(sealings)) {
      const author = sealing.idOf(0)
      // The fast way does not encode every message: each gets as many chances as it needs.
      const often = Array.from({ length: 64 }, (_, turn) => turn)

      it(`refuses what the daemon's would refuse, when it is ${name}`, () => {
        for (const [what, message] of Object.entries(unpassable)) {
          const isCaught = (error: unknown) => error instanceof Violation && error.checker === 'wire'
          assert.throws(() => often.forEach(() => sealing.transfer(author, message)), isCaught, what)
        }
        assert.throws(() => often.forEach(() => sealing.seal(author, recordOf('x'.repeat(9_000)))))
      })

      it(`hands over an equal copy of the rest, when it is ${name}`, () => {
        for (const { message } of often.map(() => sealing.transfer(author, passable))) {
          assert.deepEqual(message, passable)
          assert.notEqual(message.body, passable.body)
        }
        often.forEach(() => sealing.seal(author, recordOf('')))
      })
    }
  })

  it('knows where to plant its bugs', () => {
    for (const { name, file, line } of PLANTED_BUGS) {
      const lines = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split('\n')
      const found = lines.filter((text) => text.trim() === line).length
      assert.equal(found, 1, `${name}: ${file} has this line ${found} times, so the bug must be written anew: ${line}`)
    }
    assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length)
  })
})
