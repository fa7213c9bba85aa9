import assert from 'node:assert/strict'
import { faultOfRefusing, faultOfSigning, isKilled } from '../../../src/governance/promises.ts'
import { makeStatement, type StatementSigner } from '../../../src/wire/statement.ts'
import { ANN, BEN, CAT, HOME, keyOf } from './fixtures.ts'

const [PARENT, ONE, TWO] = ['0', '1', '2'].map((digit) => digit.repeat(64)) as [string, string, string]
const alive = () => false
const refusal = (by: StatementSigner, entry = ONE) =>
  makeStatement('refusal', { cluster: HOME.id, admin: by.id, parent: PARENT, entry }, [by])

describe('governance/promises', () => {
  it('a key signs one child of an entry, as often as it is asked', () => {
    const promises = { signed: { [PARENT]: ONE }, refused: [] }
    assert.equal(faultOfSigning(promises, PARENT, ONE, alive), undefined)
    assert.equal(faultOfSigning(promises, PARENT, TWO, alive), 'signed-another')
    assert.equal(faultOfSigning(promises, ONE, TWO, alive), undefined)
  })

  it('what was refused is not signed, and what was signed is not refused', () => {
    assert.equal(faultOfSigning({ signed: {}, refused: [ONE] }, PARENT, ONE, alive), 'refused-before')
    assert.equal(faultOfRefusing({ signed: { [PARENT]: ONE }, refused: [] }, PARENT, ONE), 'signed-before')
    assert.equal(faultOfRefusing({ signed: { [PARENT]: ONE }, refused: [] }, PARENT, TWO), undefined)
  })

  it('two refusals of three admins kill what two must sign, and free who signed it', () => {
    const { admins } = HOME.genesis
    const isDead = (refusals: ReturnType<typeof refusal>[]) => isKilled(ONE, admins, HOME.id, refusals)
    assert.ok(!isDead([refusal(BEN)]))
    assert.ok(!isDead([refusal(BEN), refusal(BEN), refusal(keyOf('eve')), refusal(CAT, TWO)]))
    assert.ok(isDead([refusal(BEN), refusal(CAT)]))
    assert.ok(!isKilled(ONE, admins, 'f'.repeat(64), [refusal(BEN), refusal(CAT)]))
    const promises = { signed: { [PARENT]: ONE }, refused: [] }
    assert.equal(
      faultOfSigning(promises, PARENT, TWO, () => true),
      undefined,
    )
    assert.ok(!isDead([refusal(ANN)]))
  })
})
