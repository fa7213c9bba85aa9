import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JwtIssuer } from '../../../src/node/api-options.ts'
import type { Identity, JwtReader } from '../../../src/status/access/identify.ts'
import { ListenError } from '../../../src/status/listen.ts'
import { FRESH_MS, KeySource, PAUSE_MS, STALE_MS } from '../../../src/status/jwt/key-source.ts'
import { readKeySet } from '../../../src/status/jwt/keys.ts'
import { createJwtReader } from '../../../src/status/jwt/library.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { makeJwt, makeKey, part, signature, type TestKey } from '../../support/jwt.ts'

const START_MS = 1_800_000_000_000
const NOW_S = START_MS / 1000
const KEYS = {
  RS256: makeKey('RS256', 'rsa'),
  ES256: makeKey('ES256', 'ec'),
  EdDSA: makeKey('EdDSA', 'ed'),
}
const SET = JSON.stringify({ keys: Object.values(KEYS).map(({ jwk }) => jwk) })
const CLAIMS = {
  iss: 'https://id.example',
  aud: 'althing',
  sub: 'ann',
  exp: NOW_S + 600,
  althing_role: 'submitter',
}

describe('JWTs', () => {
  let dir: string
  let jwks: string
  let nowMs: number
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'althing-jwt-'))
    jwks = join(dir, 'jwks.json')
    writeFileSync(jwks, SET)
    nowMs = START_MS
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const reader = (changes: Partial<JwtIssuer> = {}, log = SILENT): JwtReader =>
    createJwtReader(
      { issuer: 'https://id.example', audience: 'althing', jwks, roleClaim: 'althing_role', roles: {}, ...changes },
      { nowMs: () => nowMs, log, answerMs: 500 },
    )
  const said = (identity: Identity): string =>
    identity.known
      ? `${identity.principal.name} ${identity.principal.role} ${identity.principal.tenant ?? '-'}`
      : identity.detail.replace('that JWT is not taken: ', '')
  const read = async (text: string, changes?: Partial<JwtIssuer>): Promise<string> =>
    said(await reader(changes).read(text))
  const claims = (changes: object, issuer?: Partial<JwtIssuer>) =>
    read(makeJwt(KEYS.ES256, { ...CLAIMS, ...changes }), issuer)

  for (const key of Object.values(KEYS)) {
    it(`${key.alg}: takes what the issuer signed, and nothing with another letter`, async () => {
      const token = makeJwt(key, CLAIMS)
      const it = reader()
      assert.equal(said(await it.read(token)), 'ann submitter -')
      for (let at = 0; at < token.length; at += 7) {
        const forged = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
        assert.equal((await it.read(forged)).known, false, `letter ${at}`)
      }
    })
  }

  it('says until when', async () => {
    const identity = await reader().read(makeJwt(KEYS.EdDSA, CLAIMS))
    assert.ok(identity.known)
    assert.equal(identity.principal.expiresAtMs, START_MS + 630_000)
  })

  describe('forgeries', () => {
    const forge = (header: object, seal: (signed: string) => string, body: unknown = CLAIMS): string => {
      const signed = `${part(header)}.${part(body)}`
      return `${signed}.${seal(signed)}`
    }
    const pem = KEYS.RS256.publicKey.export({ type: 'spki', format: 'pem' })
    const hmac = (secret: string | Buffer) => (signed: string) =>
      createHmac('sha256', secret).update(signed).digest('base64url')
    const table: [string, () => string, RegExp][] = [
      ['alg none', () => forge({ alg: 'none' }, () => ''), /its header is wrong, or its alg/],
      ['alg None with a signature', () => forge({ alg: 'None', kid: 'rsa' }, () => 'AAAA'), /its alg/],
      ['HS256 with the public key as the secret', () => forge({ alg: 'HS256', kid: 'rsa' }, hmac(pem)), /its alg/],
      ['RS256 sealed by HMAC', () => forge({ alg: 'RS256', kid: 'rsa' }, hmac(pem)), /its signature is wrong/],
      [
        'the algorithm of another key',
        () => forge({ alg: 'RS256', kid: 'ec' }, (s) => signature(KEYS.ES256, s)),
        /no such key/,
      ],
      ['an unknown key', () => makeJwt(KEYS.ES256, CLAIMS, { kid: 'other' }), /its issuer has no such key/],
      [
        'a key of one’s own with the kid of another',
        () => makeJwt(makeKey('ES256', 'ec'), CLAIMS),
        /its signature is wrong/,
      ],
      [
        'a key in its header',
        () => makeJwt(makeKey('ES256', 'x'), CLAIMS, { kid: 'x', jwk: makeKey('ES256', 'x').jwk }),
        /no such key/,
      ],
      ['a critical header', () => makeJwt(KEYS.ES256, CLAIMS, { crit: ['exp'] }), /asks for an extension/],
      ['an unencoded payload', () => makeJwt(KEYS.ES256, CLAIMS, { b64: false }), /asks for an extension/],
      ['another purpose', () => makeJwt(KEYS.ES256, CLAIMS, { typ: 'logout+jwt' }), /for another purpose/],
      ['claims that are a list', () => makeJwt(KEYS.ES256, [CLAIMS]), /its claims are no object/],
      ['claims that are no JSON', () => makeJwt(KEYS.ES256, 'no json'), /its claims are no object/],
      ['two parts', () => 'a.b', /it has not three parts/],
      [
        'no signature',
        () => `${makeJwt(KEYS.ES256, CLAIMS).split('.').slice(0, 2).join('.')}.`,
        /its signature is no base64url/,
      ],
      ['padding', () => `${makeJwt(KEYS.ES256, CLAIMS)}=`, /its signature is no base64url/],
      ['an endless signature', () => forge({ alg: 'RS256', kid: 'rsa' }, () => 'A'.repeat(4_000)), /empty or too long/],
      [
        'a signature in ASN.1',
        () => forge({ alg: 'ES256', kid: 'ec' }, () => 'A'.repeat(96)),
        /its signature is wrong/,
      ],
    ]
    for (const [name, make, why] of table) it(name, async () => assert.match(await read(make()), why))
  })

  describe('claims', () => {
    const table: [string, object, RegExp][] = [
      ['no expiry', { exp: undefined }, /no time of expiry/],
      ['an expiry that is a text', { exp: String(NOW_S + 600) }, /no time of expiry/],
      ['expired beyond the leeway', { exp: NOW_S - 30 }, /it has expired/],
      ['expired within the leeway', { exp: NOW_S - 29 }, /^ann/],
      ['not valid yet', { nbf: NOW_S + 31 }, /not valid yet/],
      ['valid within the leeway', { nbf: NOW_S + 30 }, /^ann/],
      ['an nbf that is a text', { nbf: 'now' }, /nbf is no time/],
      ['issued in the future', { iat: NOW_S + 3_600 }, /issued in the future/],
      ['an endless expiry', { exp: 1e300 }, /no time of expiry/],
      ['another issuer', { iss: 'https://id.example.evil.example' }, /of another issuer/],
      ['no issuer', { iss: undefined }, /of another issuer/],
      ['another audience', { aud: 'other' }, /for another audience/],
      ['no audience', { aud: undefined }, /for another audience/],
      ['several audiences', { aud: ['other', 'althing'] }, /^ann/],
      ['no role', { althing_role: undefined }, /leads to no role/],
      ['an unknown role', { althing_role: 'root' }, /leads to no role/],
      ['a role of all objects', { althing_role: 'constructor' }, /leads to no role/],
      ['several roles: the highest', { althing_role: ['viewer', 'operator', 7] }, /^ann operator -$/],
      ['no subject', { sub: undefined }, /^jwt submitter/],
      ['a subject that steers a terminal', { sub: 'ann\u001b[2J' }, /^ann\?\[2J submitter/],
    ]
    for (const [name, changes, expected] of table)
      it(`${name}: ${expected.source}`, async () => assert.match(await claims(changes), expected))

    it('maps groups to roles, by a path or by a name with dots', async () => {
      const roles = { devs: 'submitter', ops: 'operator' } as const
      const byPath = { roleClaim: 'realm.groups', roles }
      assert.equal(await claims({ realm: { groups: ['devs', 'ops'] } }, byPath), 'ann operator -')
      assert.equal(
        await claims({ realm: { groups: ['viewer', 'admin'] } }, byPath),
        'its claim realm.groups leads to no role here',
      )
      assert.equal(
        await claims({ 'https://a.example/r': 'devs' }, { roleClaim: 'https://a.example/r', roles }),
        'ann submitter -',
      )
      assert.match(await claims({ realm: { groups: ['__proto__', 'toString'] } }, byPath), /leads to no role/)
    })

    it('gives the tenant, which must be there where it is asked for', async () => {
      const tenantClaim = 'team'
      assert.equal(await claims({ team: 'team-a' }, { tenantClaim }), 'ann submitter team-a')
      assert.equal(await claims({ team: 'team-a' }), 'ann submitter -', 'not asked for')
      assert.match(await claims({}, { tenantClaim }), /its claim team is missing/)
      assert.match(await claims({ team: 'Team A' }, { tenantClaim }), /is no tenant/)
      assert.match(await claims({ team: ['team-a'] }, { tenantClaim }), /is no tenant/)
      assert.match(
        await claims({ team: 'team-a', althing_role: 'admin' }, { tenantClaim }),
        /role admin is about the whole host/,
      )
      assert.equal(await claims({ althing_role: 'admin' }, { tenantClaim }), 'ann admin -')
    })
  })

  describe('key sets', () => {
    const faultOf = (text: string): string => {
      const keys = readKeySet(text)
      return typeof keys === 'string' ? keys : `${keys.length} keys`
    }
    const short = createPublicKey(
      generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' }),
    )
    const jwk = KEYS.ES256.jwk
    const curve = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey
    const table: [string, unknown, RegExp][] = [
      ['no JSON', 'x', /no JSON Web Key Set/],
      ['a list', '[]', /no JSON Web Key Set/],
      ['no key', { keys: [] }, /^0 keys$/],
      ['a shared secret', { keys: [{ kty: 'oct', k: 'AAAA', kid: 'a' }] }, /^0 keys$/],
      ['a short RSA key', { keys: [{ ...short.export({ format: 'jwk' }), kid: 'a' }] }, /^0 keys$/],
      ['a key for encryption', { keys: [{ ...jwk, use: 'enc' }] }, /^0 keys$/],
      ['a key that only signs', { keys: [{ ...jwk, key_ops: ['sign'] }] }, /^0 keys$/],
      ['another curve', { keys: [curve.export({ format: 'jwk' })] }, /^0 keys$/],
      ['a point off the curve', { keys: [{ ...jwk, x: 'AAAA' }] }, /^0 keys$/],
      ['an algorithm that does not fit', { keys: [{ ...jwk, alg: 'RS256' }] }, /^0 keys$/],
      ['a huge one', { keys: [jwk], more: 'x'.repeat(256 * 1024) }, /larger than 256 KiB/],
    ]
    for (const [name, set, why] of table)
      it(name, () => assert.match(faultOf(typeof set === 'string' ? set : JSON.stringify(set)), why))

    it('are read though some of their keys are of no use; of 64 keys the rest is left', () => {
      const keys = readKeySet(JSON.stringify({ keys: [7, { kty: 'oct' }, jwk, null] }))
      assert.ok(typeof keys !== 'string')
      assert.deepEqual(
        keys.map(({ kid, alg }) => [kid, alg]),
        [['ec', 'ES256']],
      )
      assert.equal(readKeySet(JSON.stringify({ keys: Array.from({ length: 100 }, () => jwk) })).length, 64)
    })

    it('a token without a key id is taken when only one key can be meant', async () => {
      const token = makeJwt(KEYS.ES256, CLAIMS, { kid: undefined })
      assert.equal(await read(token), 'ann submitter -')
      writeFileSync(jwks, JSON.stringify({ keys: [jwk, makeKey('ES256', 'second').jwk] }))
      assert.match(await read(token), /no such key/)
    })
  })

  it('a file is read again when it has changed, and a key that is gone counts no more', async () => {
    const it = reader()
    const token = makeJwt(KEYS.ES256, CLAIMS)
    assert.equal(said(await it.read(token)), 'ann submitter -')
    const next = makeKey('ES256', 'next')
    writeFileSync(jwks, JSON.stringify({ keys: [next.jwk] }))
    nowMs += 1_000
    assert.equal(said(await it.read(token)), 'its issuer has no such key')
    assert.equal(said(await it.read(makeJwt(next, CLAIMS))), 'ann submitter -')
  })

  it('a file that is gone, or without a key of use, takes back all; one that is no set takes back none', async () => {
    const warned: string[] = []
    const it = reader(
      {},
      {
        ...SILENT,
        warn: ({ error }: { error?: unknown }) => void warned.push(String(error)),
      },
    )
    const token = makeJwt(KEYS.ES256, CLAIMS)
    const saidAfter = async (text: string | undefined): Promise<string> => {
      if (text === undefined) unlinkSync(jwks)
      else writeFileSync(jwks, text)
      nowMs += 1_000
      return said(await it.read(token))
    }
    assert.equal(await saidAfter('{"keys":['), 'ann submitter -', 'half of one, as it is being written')
    for (const gone of [undefined, '{"keys":[]}', '{"keys":[{"kty":"oct"}]}']) {
      assert.equal(await saidAfter(gone), 'its issuer has no such key', gone)
      assert.equal(await saidAfter('x'), 'its issuer has no such key', 'what was taken back stays so')
      assert.equal(await saidAfter(SET), 'ann submitter -')
    }
    renameSync(jwks, `${jwks}.away`)
    nowMs += 1_000
    assert.equal(said(await it.read(token)), 'its issuer has no such key')
    renameSync(`${jwks}.away`, jwks)
    nowMs += 1_000
    assert.equal(said(await it.read(token)), 'ann submitter -', 'the very same file is back')
    assert.equal(warned.filter((text) => text.includes('no such file')).length, 2)
    assert.equal(warned.filter((text) => text.includes('no key for RS256')).length, 2)
  })

  it('a file that could not be used is tried again, though it looks the same', async () => {
    const it = reader()
    const next = makeKey('ES256', 'next')
    const good = JSON.stringify({ keys: [next.jwk] })
    for (const [text, taken] of [
      ['x'.repeat(good.length), 'its issuer has no such key'],
      [good, 'ann submitter -'],
    ] as const) {
      writeFileSync(jwks, text)
      utimesSync(jwks, NOW_S, NOW_S)
      nowMs += 1_000
      assert.equal(said(await it.read(makeJwt(next, CLAIMS))), taken)
    }
  })

  it('a file that cannot be used is said at the start', () => {
    for (const text of ['', '{"keys":[]}', `{"keys":[],"x":"${'x'.repeat(300_000)}"}`]) {
      writeFileSync(jwks, text)
      assert.throws(
        () => reader(),
        (error) => error instanceof ListenError && error.code === 'bad-jwks',
      )
    }
    assert.throws(() => reader({ jwks: join(dir, 'none') }), ListenError)
  })

  describe('from an address', () => {
    let server: Server
    let address: string
    let asked: number
    let answer: (request: IncomingMessage, response: ServerResponse) => void
    beforeEach(async () => {
      asked = 0
      answer = (_request, response) => void response.end(SET)
      server = createServer((request, response) => {
        asked++
        answer(request, response)
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
    })
    afterEach(() => {
      server.closeAllConnections()
      server.close()
    })
    const source = (): KeySource => new KeySource(address, { nowMs: () => nowMs, log: SILENT, answerMs: 300 })
    const finds = async (it: KeySource, { alg, kid }: Pick<TestKey, 'alg' | 'kid'> = KEYS.ES256): Promise<number> =>
      (await it.keysFor({ alg, kid })).length

    it('is asked when the first token comes, once for many, and again when its keys are old', async () => {
      const it = source()
      assert.equal(asked, 0)
      assert.deepEqual(
        await Promise.all(Array.from({ length: 50 }, () => finds(it))),
        Array.from({ length: 50 }, () => 1),
      )
      assert.equal(asked, 1)
      nowMs += FRESH_MS - 1
      await finds(it)
      assert.equal(asked, 1)
      nowMs += 1
      await finds(it)
      assert.equal(asked, 2)
    })

    it('is asked for a key that is not known, every half minute at most, whoever makes up names', async () => {
      const it = source()
      await finds(it)
      const next = makeKey('ES256', 'next')
      answer = (_request, response) => void response.end(JSON.stringify({ keys: [next.jwk] }))
      nowMs += PAUSE_MS
      assert.equal(await finds(it, next), 1)
      assert.equal(asked, 2)
      for (let at = 0; at < 1_000; at++) await finds(it, { alg: 'ES256', kid: `made-up-${at}` })
      assert.equal(asked, 2)
      nowMs += PAUSE_MS
      await finds(it, { alg: 'ES256', kid: 'made-up' })
      assert.equal(asked, 3)
    })

    it('without a key of use has taken back those it had', async () => {
      const it = source()
      assert.equal(await finds(it), 1)
      answer = (_request, response) => void response.end('{"keys":[]}')
      nowMs += FRESH_MS
      assert.equal(await finds(it), 0)
    })

    it('that is down costs nobody more than one wait, and its keys hold for a day', async () => {
      const it = source()
      await finds(it)
      answer = (_request, response) => void response.writeHead(500).end()
      nowMs += FRESH_MS
      assert.equal(await finds(it), 1)
      assert.equal(await finds(it), 1)
      assert.equal(asked, 2)
      nowMs += STALE_MS - FRESH_MS - 1
      assert.equal(await finds(it), 1)
      nowMs += 1
      assert.equal(await finds(it), 0)
    })

    it('an endless set is read no further than a set may go', async () => {
      let written = 0
      answer = (_request, response) => flood(response, (bytes) => (written += bytes))
      assert.equal(await finds(source()), 0)
      // What sockets hold is written without being read.
      assert.ok(written < 16 * 1024 * 1024, String(written))
    })

    const bad: [string, (request: IncomingMessage, response: ServerResponse) => void][] = [
      ['no set', (_request, response) => void response.end('<html>')],
      ['silence', () => {}],
      ['an answer drop by drop', (_request, response) => void response.write('{"keys":[')],
      [
        'a cut answer',
        (_request, response) => void response.writeHead(200, { 'content-length': 9 }).end('{').destroy(),
      ],
    ]
    it('gives no keys: a redirect, which is not followed', async () => {
      answer = ({ url }, response) => {
        if (url === '/elsewhere') response.end(SET)
        else response.writeHead(302, { location: new URL('/elsewhere', address).href }).end()
      }
      assert.equal(await finds(source()), 0)
      assert.equal(asked, 1)
    })

    for (const [name, how] of bad) {
      it(`gives no keys: ${name}`, async () => {
        answer = how
        const startedMs = performance.now()
        assert.equal(await finds(source()), 0)
        assert.ok(performance.now() - startedMs < 3_000)
      })
    }
  })
})

/** Writes as much as is taken, until the other side ends it. */
function flood(response: ServerResponse, wrote: (bytes: number) => void): void {
  const chunk = 'x'.repeat(64 * 1024)
  const more = (): void => {
    if (response.destroyed) return
    wrote(chunk.length)
    // Each once the last has left: what waits in this process is not what the other side reads.
    response.write(chunk, more)
  }
  response.on('error', () => {})
  more()
}
