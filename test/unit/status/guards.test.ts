import assert from 'node:assert/strict'
import { judge, type GuardedRequest, type RefusalCode } from '../../../src/status/guards.ts'

const POLICY = { port: 4180, isRemoteHost: (host: string) => host === 'mesh.example:4443' }

/** A request of the page itself, with everything right. */
const GOOD: GuardedRequest = {
  channel: 'loopback',
  method: 'GET',
  host: '127.0.0.1:4180',
  origin: undefined,
  secFetchSite: 'same-origin',
  contentType: undefined,
  tokenInQuery: false,
  bodyType: undefined,
}

const REMOTE = { channel: 'remote', host: 'mesh.example:4443' } as const

function outcome(changes: Partial<GuardedRequest>): RefusalCode | 'allowed' {
  return judge({ ...GOOD, ...changes }, POLICY)?.code ?? 'allowed'
}

describe('status: guards', () => {
  const table: [string, Partial<GuardedRequest>, ReturnType<typeof outcome>][] = [
    ['the page itself', {}, 'allowed'],
    ['localhost', { host: 'localhost:4180' }, 'allowed'],
    ['IPv6 loopback', { host: '[::1]:4180' }, 'allowed'],
    ['a program without any browser header', { secFetchSite: undefined }, 'allowed'],
    ['a typed address', { secFetchSite: 'none' }, 'allowed'],
    ['its own origin', { origin: 'http://127.0.0.1:4180' }, 'allowed'],
    ['no Host', { host: undefined }, 'wrong-host'],
    ['a rebound name', { host: 'evil.example:4180' }, 'wrong-host'],
    ['another port', { host: '127.0.0.1:4181' }, 'wrong-host'],
    ['no port', { host: '127.0.0.1' }, 'wrong-host'],
    ['a Host that only begins well', { host: '127.0.0.1:4180.evil.example' }, 'wrong-host'],
    ['a foreign origin', { origin: 'https://evil.example' }, 'foreign-origin'],
    ['the null origin of a sandbox', { origin: 'null' }, 'foreign-origin'],
    ['the other loopback name as origin', { origin: 'http://localhost:4180' }, 'foreign-origin'],
    ['the own origin by https', { origin: 'https://127.0.0.1:4180' }, 'foreign-origin'],
    ['cross-site', { secFetchSite: 'cross-site' }, 'cross-site'],
    ['another port of this machine', { secFetchSite: 'same-site' }, 'cross-site'],
    ['an unknown site word', { secFetchSite: 'later-invention' }, 'cross-site'],
    ['a token in the address', { tokenInQuery: true }, 'token-in-url'],
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
    ['the socket, without anything', { channel: 'socket', host: 'althing', secFetchSite: undefined }, 'allowed'],
    ['by TLS under its own name', REMOTE, 'allowed'],
    ['by TLS under a name of loopback', { channel: 'remote' }, 'wrong-host'],
    ['by TLS under a rebound name', { ...REMOTE, host: 'evil.example:4443' }, 'wrong-host'],
    ['by loopback under the name of TLS', { host: 'mesh.example:4443' }, 'wrong-host'],
    ['by TLS from its own page', { ...REMOTE, origin: 'https://mesh.example:4443' }, 'allowed'],
    ['by TLS from its own page without TLS', { ...REMOTE, origin: 'http://mesh.example:4443' }, 'foreign-origin'],
    ['by TLS from a foreign page', { ...REMOTE, origin: 'https://evil.example' }, 'foreign-origin'],
    ['by TLS cross-site', { ...REMOTE, secFetchSite: 'cross-site' }, 'cross-site'],
    ['by TLS with a token in the address', { ...REMOTE, tokenInQuery: true }, 'token-in-url'],
    ['by TLS with a form', { ...REMOTE, method: 'POST', contentType: 'text/plain' }, 'wrong-content-type'],
    ['a typeless post by the socket', { channel: 'socket', method: 'POST' }, 'wrong-content-type'],
  ]
  for (const [name, changes, expected] of table) {
    it(`${name}: ${expected}`, () => assert.equal(outcome(changes), expected))
  }

  it('says what to do about every refusal', () => {
    for (const [name, changes] of table) {
      const refusal = judge({ ...GOOD, ...changes }, POLICY)
      if (refusal) assert.ok(refusal.detail.length > 10 && refusal.fix.length > 10, name)
    }
  })
})
