import assert from 'node:assert/strict'
import { encode } from '../../../src/wire/codec.ts'
import { createSigner } from '../../../src/wire/envelope.ts'
import { makeStatement, openStatement, statementSigner, withSignatures } from '../../../src/wire/statement.ts'

const [ANN, BEN] = [1, 2].map((n) => statementSigner(new Uint8Array(32).fill(n))) as [
  ReturnType<typeof statementSigner>,
  ReturnType<typeof statementSigner>,
]
const BODY = { cluster: 'c', entry: 'e' }
const codeOf = (act: () => unknown) => {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('wire/statement', () => {
  it('collects signatures one after the other, under one name', () => {
    const none = makeStatement('refusal', BODY, [])
    const one = withSignatures(none, [BEN])
    const both = withSignatures(one, [ANN, BEN])
    assert.deepEqual([none.signers, one.signers.length, both.signers.length], [[], 1, 2])
    assert.deepEqual(both.bytes, makeStatement('refusal', BODY, [ANN, BEN]).bytes)
    assert.equal(new Set([none.hash, one.hash, both.hash]).size, 1)
    assert.deepEqual(openStatement(both.bytes, 'refusal'), both)
    assert.equal(ANN.id, createSigner(new Uint8Array(32).fill(1)).id)
  })

  it('a signature of one statement, or of one kind, is none of another', () => {
    const refusal = makeStatement('refusal', BODY, [ANN])
    const other = makeStatement('refusal', { ...BODY, entry: 'f' }, [])
    const rotation = makeStatement('rotation', BODY, [])
    for (const statement of [other, rotation]) {
      assert.equal(
        codeOf(() => withSignatures(statement, refusal.signatures)),
        'bad-signature',
      )
    }
  })

  it('refuses a kind that is not expected, one that is too large, signatures twice or out of order', () => {
    const { bytes, signatures } = makeStatement('refusal', BODY, [ANN, BEN])
    assert.equal(
      codeOf(() => openStatement(bytes, 'entry')),
      'unknown-kind',
    )
    assert.equal(
      codeOf(() => makeStatement('refusal', 'x'.repeat(2_000), [])),
      'too-large',
    )
    const payload = encode({ v: 1, kind: 'refusal', body: BODY })
    const written = (order: typeof signatures) =>
      encode({ p: payload, s: order.map(({ publicKey, signature }) => [publicKey, signature]) })
    assert.equal(
      codeOf(() => openStatement(written(signatures), 'refusal')),
      'accepted',
    )
    assert.equal(
      codeOf(() => openStatement(written(signatures.toReversed()), 'refusal')),
      'not-canonical',
    )
    const twice = [signatures[0]!, signatures[0]!]
    assert.equal(
      codeOf(() => openStatement(written(twice), 'refusal')),
      'not-canonical',
    )
    assert.equal(
      codeOf(() => openStatement(encode({ p: payload }), 'refusal')),
      'malformed',
    )
  })
})
