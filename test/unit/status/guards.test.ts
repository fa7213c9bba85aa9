import assert from 'node:assert/strict'
import { judge, type GuardedRequest, type RefusalCode } from '../../../src/status/guards.ts'

const POLICY = { port: 4180, token: 'right' }

/** A request of the page itself, with everything right. */
const GOOD: GuardedRequest = {
  channel: 'loopback',
  method: 'GET',
  host: '127.0.0.1:4180',
  origin: undefined,
  secFetchSite: 'same-origin',
  contentType: undefined,
  authorization: 'Bearer right',
  tokenInQuery: false,
  access: 'token',
  bodyType: undefined,
}

function outcome(changes: Partial<GuardedRequest>): RefusalCode | 'allowed' | 'allowed, unknown' {
  const verdict = judge({ ...GOOD, ...changes }, POLICY)
  if (!verdict.allow) return verdict.code
  return verdict.authenticated ? 'allowed' : 'allowed, unknown'
}

describe('status: guards', () => {
  const table: [string, Partial<GuardedRequest>, ReturnType<typeof outcome>][] = [
    ['the page itself', {}, 'allowed'],
    ['localhost', { host: 'localhost:4180' }, 'allowed'],
    ['IPv6 loopback', { host: '[::1]:4180' }, 'allowed'],
    ['a program without any browser header', { secFetchSite: undefined }, 'allowed'],
    ['a typed address', { secFetchSite: 'none', access: 'open', authorization: undefined }, 'allowed, unknown'],
    ['its own origin', { origin: 'http://127.0.0.1:4180' }, 'allowed'],
    ['no Host', { host: undefined }, 'wrong-host'],
    ['a rebound name', { host: 'evil.example:4180' }, 'wrong-host'],
    ['another port', { host: '127.0.0.1:4181' }, 'wrong-host'],
    ['no port', { host: '127.0.0.1' }, 'wrong-host'],
    ['a Host that only begins well', { host: '127.0.0.1:4180.evil.example' }, 'wrong-host'],
    ['a wrong Host for an open route', { host: 'evil.example', access: 'open' }, 'wrong-host'],
    ['a foreign origin', { origin: 'https://evil.example' }, 'foreign-origin'],
    ['the null origin of a sandbox', { origin: 'null' }, 'foreign-origin'],
    ['the other loopback name as origin', { origin: 'http://localhost:4180' }, 'foreign-origin'],
    ['the own origin by https', { origin: 'https://127.0.0.1:4180' }, 'foreign-origin'],
    ['a foreign origin for an open route', { origin: 'https://evil.example', access: 'open' }, 'foreign-origin'],
    ['cross-site', { secFetchSite: 'cross-site' }, 'cross-site'],
    ['another port of this machine', { secFetchSite: 'same-site' }, 'cross-site'],
    ['an unknown site word', { secFetchSite: 'later-invention' }, 'cross-site'],
    ['a token in the address', { tokenInQuery: true }, 'token-in-url'],
    ['a token in the address of the page', { tokenInQuery: true, access: 'open' }, 'token-in-url'],
    ['a form post', { method: 'POST', contentType: 'text/plain' }, 'wrong-content-type'],
    ['a post without a type', { method: 'POST' }, 'wrong-content-type'],
    ['a JSON post', { method: 'POST', contentType: 'Application/JSON; charset=utf-8' }, 'allowed'],
    [
      'JSON where a tar is wanted',
      { method: 'POST', contentType: 'application/json', bodyType: 'application/x-tar' },
      'wrong-content-type',
    ],
    [
      'a tar where one is wanted',
      { method: 'POST', contentType: 'application/x-tar', bodyType: 'application/x-tar' },
      'allowed',
    ],
    ['a DELETE, which no form can send', { method: 'DELETE' }, 'allowed'],
    ['no token', { authorization: undefined }, 'no-token'],
    ['another scheme', { authorization: 'Basic right' }, 'no-token'],
    ['an empty token', { authorization: 'Bearer ' }, 'no-token'],
    ['a wrong token', { authorization: 'Bearer wrong' }, 'wrong-token'],
    ['a token that only begins well', { authorization: 'Bearer right2' }, 'wrong-token'],
    ['a wrong token for an open route', { authorization: 'Bearer wrong', access: 'open' }, 'allowed, unknown'],
    [
      'the socket, without anything',
      { channel: 'socket', host: 'althing', authorization: undefined, secFetchSite: undefined },
      'allowed',
    ],
    ['a typeless post by the socket', { channel: 'socket', method: 'POST' }, 'wrong-content-type'],
  ]
  for (const [name, changes, expected] of table) {
    it(`${name}: ${expected}`, () => assert.equal(outcome(changes), expected))
  }

  it('says what to do about every refusal', () => {
    for (const [name, changes] of table) {
      const verdict = judge({ ...GOOD, ...changes }, POLICY)
      if (!verdict.allow) assert.ok(verdict.detail.length > 10 && verdict.fix.length > 10, name)
    }
  })
})
