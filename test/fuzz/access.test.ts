/** What somebody shows to be let in: tokens, JWTs, their claims, key sets. What is accepted is what was given out. */
import assert from 'node:assert/strict'
import { ACCESS_ROLES, faultOfTenant, may } from '../../src/model/access.ts'
import type { JwtIssuer } from '../../src/node/api-options.ts'
import { readClaims } from '../../src/status/jwt/claims.ts'
import { isSignedBy, keysFor, readKeySet, type IssuerKey } from '../../src/status/jwt/keys.ts'
import { parseJwt } from '../../src/status/jwt/token.ts'
import { identify } from '../../src/status/access/identify.ts'
import { AlthingError } from '../../src/util/errors.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { makeJwt, makeKey } from '../support/jwt.ts'
import { fuzz, SEED } from './fuzz.ts'
import { mutateValue } from './mutate-values.ts'
import { mutate } from './mutate.ts'

const NOW_MS = 1_800_000_000_000
const ISSUER: JwtIssuer = {
  issuer: 'https://id.example',
  audience: 'althing',
  jwks: '',
  roleClaim: 'realm.groups',
  roles: { devs: 'submitter', ops: 'operator' },
  tenantClaim: 'team',
}
const CLAIMS = [
  {
    iss: ISSUER.issuer,
    aud: 'althing',
    sub: 'ann',
    exp: NOW_MS / 1000 + 60,
    realm: { groups: ['devs'] },
    team: 'team-a',
  },
  {
    iss: ISSUER.issuer,
    aud: ['x', 'althing'],
    exp: NOW_MS / 1000 + 60,
    nbf: 1,
    iat: 1,
    realm: { groups: ['ops', 'x'] },
  },
]
const KEYS = [makeKey('RS256', 'rsa'), makeKey('ES256', 'ec'), makeKey('EdDSA', 'ed')]
const JWTS = KEYS.map((key, at) => makeJwt(key, CLAIMS[at % CLAIMS.length]))

/** Says no, as an error that was meant. */
function refuse(why: string): never {
  throw new AlthingError(why.replaceAll(/[^a-z ]/gi, '').slice(0, 40), why)
}

const bytesOf = (texts: readonly string[]) => texts.map((text) => Buffer.from(text))
/** Header lines arrive as Latin-1. */
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

describe('fuzz/access', function () {
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('a JWT is taken apart, or refused with a reason; only what was signed verifies', async () => {
    const keys = readKeySet(JSON.stringify({ keys: KEYS.map(({ jwk }) => jwk) })) as IssuerKey[]
    assert.equal(keys.length, 3)
    const valid = new Set(JWTS)
    let verified = 0
    const { accepted, refused } = await fuzz({
      name: 'jwt',
      next: (rng) => (rng.int(50) === 0 ? JWTS[rng.int(3)]! : textOf(mutate(bytesOf(JWTS), rng))),
      decode: (text) => {
        const parsed = parseJwt(text)
        return typeof parsed === 'string' ? refuse(parsed) : parsed
      },
      accepted: (parsed, text) => {
        if (!keysFor(keys, parsed).some((key) => isSignedBy(key, parsed))) return
        verified++
        assert.ok(valid.has(text), text)
      },
    })
    assert.ok(
      accepted > 500 && verified > 500,
      `${accepted} accepted, ${verified} verified, ${JSON.stringify(refused)}`,
    )
  })

  it('claims name somebody with a role and a tenant that go together, until a time to come', async () => {
    const { accepted, refused } = await fuzz({
      name: 'claims',
      next: (rng) => mutateValue(CLAIMS, rng, true),
      decode: (claims) => {
        const isObject = typeof claims === 'object' && claims !== null && !Array.isArray(claims)
        const principal = readClaims(isObject ? (claims as Record<string, unknown>) : {}, ISSUER, NOW_MS)
        return typeof principal === 'string' ? refuse(principal) : principal
      },
      accepted: (principal) => {
        const { role, tenant, name, expiresAtMs = 0 } = principal
        assert.ok(ACCESS_ROLES.includes(role) && name.length > 0 && name.length <= 128)
        assert.ok(Number.isFinite(expiresAtMs) && expiresAtMs > NOW_MS)
        assert.ok(tenant === undefined ? may({ role }, 'operate') : faultOfTenant(tenant) === undefined)
        assert.ok(tenant === undefined || !may(principal, 'operate'))
      },
    })
    assert.ok(accepted > 500 && Object.keys(refused).length > 5, `${accepted} accepted, ${JSON.stringify(refused)}`)
  })

  it('a key set gives keys that verify one algorithm each, or is refused with a reason', async () => {
    const sets = [{ keys: KEYS.map(({ jwk }) => jwk) }, { keys: [KEYS[1]!.jwk] }]
    const texts = bytesOf(sets.map((set) => JSON.stringify(set)))
    const { accepted } = await fuzz({
      name: 'jwks',
      next: (rng) => (rng.int(2) === 0 ? textOf(mutate(texts, rng)) : JSON.stringify(mutateValue(sets, rng, true))),
      decode: (text) => {
        const keys = readKeySet(text)
        return typeof keys === 'string' ? refuse(keys) : keys
      },
      accepted: (keys) => {
        for (const { alg, key } of keys) {
          const kind = { RS256: 'rsa', ES256: 'ec', EdDSA: 'ed25519' }[alg]
          assert.deepEqual([key.type, key.asymmetricKeyType], ['public', kind])
        }
      },
    })
    assert.ok(accepted > 500, String(accepted))
  })

  it('an Authorization header names whoever has what was given out, and nobody else', async () => {
    const { tokens } = new FakeOperations()
    const given = ['a', 'b'].map((name) => `Bearer ${tokens.create({ name, role: 'viewer', ttlMs: 1e9 }).token}`)
    const valid = new Set([...given, 'Bearer page'])
    const { accepted } = await fuzz({
      name: 'authorization',
      next: (rng) => (rng.int(20) === 0 ? [...valid][rng.int(3)]! : textOf(mutate(bytesOf([...valid]), rng))),
      decode: async (authorization) => {
        const shown = { channel: 'loopback' as const, address: '127.0.0.1', authorization }
        const found = await identify(shown, { pageToken: 'page', tokens, jwt: undefined })
        return found.known ? found.principal : refuse(found.code)
      },
      // The scheme is taken in any case, and with more spaces.
      accepted: (_principal, text) => assert.ok(valid.has(text.replace(/^bearer +/i, 'Bearer ')), text),
    })
    assert.ok(accepted > 500, String(accepted))
  })
})
