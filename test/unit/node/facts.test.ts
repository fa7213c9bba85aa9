import assert from 'node:assert/strict'
import { DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { DEFAULT_WARDS } from '../../../src/mesh/wards/state.ts'
import { meshConfigOf } from '../../../src/node/facts.ts'
import { AlthingError } from '../../../src/util/errors.ts'
import { cli } from '../../support/cli.ts'

const OPTIONS = { paths: { dataDir: 'unused', socketPath: 'unused' } } as Parameters<typeof meshConfigOf>[0]
const NAMES = ['ALTHING_BEAT_MS', 'ALTHING_LEASE_MS', 'ALTHING_DEAD_MS'] as const

describe('node/facts: the times of the mesh', function () {
  this.timeout(20_000)
  const times = (...[beat, lease, dead]: (string | undefined)[]) =>
    meshConfigOf(OPTIONS, {
      ...(beat !== undefined && { ALTHING_BEAT_MS: beat }),
      ...(lease !== undefined && { ALTHING_LEASE_MS: lease }),
      ...(dead !== undefined && { ALTHING_DEAD_MS: dead }),
    })

  it('are the defaults, or what the environment says', () => {
    const { beatMs, leaseMs, deadMs } = times()
    assert.deepEqual([beatMs, leaseMs, deadMs], [DEFAULT_MESH.beatMs, DEFAULT_MESH.leaseMs, DEFAULT_MESH.deadMs])
    assert.equal(times('').beatMs, DEFAULT_MESH.beatMs, 'empty is not set')
    assert.equal(times('500', '5000', '10000').beatMs, 500)
    assert.equal(times('1800000', '5400000', '86400000').deadMs, 86_400_000, 'the most there is')
  })

  for (const [values, message] of [
    [['ten'], /^ALTHING_BEAT_MS=ten: expected milliseconds, digits only, such as 10000$/],
    [['10s'], /^ALTHING_BEAT_MS=10s: expected milliseconds/],
    [['-1'], /^ALTHING_BEAT_MS=-1: expected milliseconds/],
    [[`${'9'.repeat(40)}\u001b[31m`], /^ALTHING_BEAT_MS="9{40}\\u001b\[31m": expected milliseconds/],
    [['0'], /^ALTHING_BEAT_MS must be from 100 ms to 30 min .*ALTHING_BEAT_MS=0,/],
    [['99'], /^ALTHING_BEAT_MS must be from 100 ms/],
    [['1800001', '5400000', '86400000'], /^ALTHING_BEAT_MS must be .* to 30 min/],
    [
      [undefined, '1'],
      /^ALTHING_LEASE_MS must be at least two beats.*=10000, ALTHING_LEASE_MS=1, ALTHING_DEAD_MS=60000\)$/,
    ],
    [['20000', '39999'], /^ALTHING_LEASE_MS must be at least two beats/],
    [[undefined, '60000'], /^ALTHING_DEAD_MS must be above ALTHING_LEASE_MS/],
    [[undefined, undefined, '86400001'], /^ALTHING_DEAD_MS must be at most a day/],
  ] as const) {
    it(`refuses ${values.map((value) => JSON.stringify(value) ?? 'the default').join(', ')}`, () => {
      assert.throws(
        () => times(...values),
        (error: unknown) => {
          assert.ok(error instanceof AlthingError)
          assert.equal(error.code, 'bad-environment')
          assert.match(error.message, message)
          assert.match(error.fix ?? '', /10000, 30000 and 60000/)
          return true
        },
      )
    })
  }

  it('cut the mesh where the environment says, in proportion', () => {
    const wardsOf = (text: string) => meshConfigOf(OPTIONS, { ALTHING_CUT_ABOVE: text }).wards!
    assert.deepEqual(meshConfigOf(OPTIONS, {}).wards, DEFAULT_WARDS)
    assert.deepEqual(wardsOf('1000'), DEFAULT_WARDS)
    const { wholeMost, wholeLeast, most, least, zoneFrom, settleMs } = wardsOf('8')
    assert.deepEqual([wholeMost, wholeLeast, most, least, zoneFrom, settleMs], [8, 6, 4, 2, 1, 1_500])
    for (const text of ['3', '1001', 'ten', '-1', '8.5']) {
      assert.throws(() => wardsOf(text), /ALTHING_CUT_ABOVE=.*: expected 4 to 1000 members/)
    }
  })

  it('are told by `althing up --help`, with their defaults', async () => {
    const { stdout } = await cli(['up', '--help'])
    const defaults = [DEFAULT_MESH.beatMs, DEFAULT_MESH.leaseMs, DEFAULT_MESH.deadMs]
    for (const [index, name] of NAMES.entries()) {
      assert.match(stdout, new RegExp(`^  ${name} .*\\(default: ${defaults[index]}\\)$`, 'm'))
    }
  })
})
