import assert from 'node:assert/strict'
import { parseSimulateArguments } from '../../../scripts/simulate/arguments.ts'
import { parseMembershipArguments } from '../../../scripts/simulate/membership.ts'

describe('arguments of the simulator', () => {
  it('name one seed, many, or the planted bugs', () => {
    const standard = {
      ...{ mode: 'seeds', seed: 1, from: 1, seeds: 100 },
      ...{ json: false, real: false, first: false, only: '', isClean: false },
    }
    assert.deepEqual(parseSimulateArguments([]), standard)
    assert.deepEqual(parseSimulateArguments(['--seeds', '2000', '--from', '7']), { ...standard, seeds: 2000, from: 7 })
    assert.deepEqual(parseSimulateArguments(['--seed', '5', '--real']), {
      ...standard,
      mode: 'one',
      seed: 5,
      from: 5,
      real: true,
    })
    assert.deepEqual(parseSimulateArguments(['--mutants', '--json']), { ...standard, mode: 'mutants', json: true })
    assert.deepEqual(parseSimulateArguments(['--mutants', '--clean']), { ...standard, mode: 'mutants', isClean: true })
  })

  it('name the first of many seeds by --seed as well', () => {
    for (const parse of [parseSimulateArguments, parseMembershipArguments]) {
      const options = parse(['--seed', '7', '--seeds', '2000'])
      assert.ok(!('problem' in options))
      assert.deepEqual([options.from, options.seeds], [7, 2000])
      assert.equal('mode' in options ? options.mode === 'one' : options.isOne, false)
      const both = parse(['--seed', '7', '--from', '8'])
      assert.ok('problem' in both)
      assert.match(both.problem, /--seed and --from both say/)
    }
    const one = parseMembershipArguments(['--seed', '7'])
    assert.deepEqual('problem' in one ? one : [one.isOne, one.from], [true, 7])
  })

  it('say what is wrong with them', () => {
    for (const [argv, problem] of [
      [['--seeds', '0'], /--seeds 0: expected a whole number from 1/],
      [['--seed', 'x'], /--seed x/],
      [['--sed', '1'], /--sed/],
    ] as const) {
      const parsed = parseSimulateArguments(argv)
      assert.ok('problem' in parsed)
      assert.match(parsed.problem, problem)
    }
  })
})
