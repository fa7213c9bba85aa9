import assert from 'node:assert/strict'
import { Passport } from '../../../src/model/passport.ts'
import { assertPublishable } from '../../../src/node/publishable.ts'
import { RECORD_MAX_BYTES } from '../../../src/wire/limits.ts'

const passport = (note: string, communication: object = {}): Passport =>
  Passport.parse({
    apiVersion: 'althing.dev/v1',
    kind: 'NodePassport',
    metadata: { name: 'singer', annotations: { note } },
    spec: { type: 'agent', version: '1', communication },
  })

describe('node/publishable', () => {
  it('takes what fits the wire, and says how large the rest is', () => {
    assertPublishable([])
    assertPublishable([passport(''), passport('x'.repeat(RECORD_MAX_BYTES.passport - 1_000))])
    assert.throws(() => assertPublishable([passport(''), passport('x'.repeat(RECORD_MAX_BYTES.passport))]), {
      code: 'too-large',
      message: /default\/singer takes \d+ bytes; at most 8192/,
      fix: /smaller/,
    })
  })

  it('has no key left to refuse that the codec would: the schema did', () => {
    const withKey = JSON.parse('{"a":{"__proto__":3}}') as object
    assert.throws(() => passport('', withKey), /__proto__/)
  })
})
