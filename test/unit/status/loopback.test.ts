import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

const PROTECTED = [
  '/v1/status',
  '/v1/nodes',
  '/v1/tasks',
  '/v1/trust',
  '/v1/events',
  '/metrics',
  '/openapi.json',
  '/v1/nothing',
]

describe('status: loopback HTTP', () => {
  let status: StatusFixture
  before(async () => {
    status = await startStatus()
  })
  after(() => status.stop())

  const code = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<unknown> => {
    const answer = await status.askLoopback({ path, method, headers })
    return answer.status < 400 ? answer.status : answer.json()['code']
  }

  it('answers whoever has the token', async () => {
    assert.equal(await code('/v1/status'), 200)
    assert.equal(await code('/v1/status', { host: `localhost:${status.port}` }), 200)
    assert.equal(
      await code('/v1/status', { origin: `http://127.0.0.1:${status.port}`, 'sec-fetch-site': 'same-origin' }),
      200,
    )
  })

  it('refuses a wrong Host, a foreign Origin and a cross-site request everywhere', async () => {
    for (const path of [...PROTECTED, '/', '/livez', '/healthz']) {
      assert.equal(await code(path, { host: `evil.example:${status.port}` }), 'wrong-host', path)
      assert.equal(await code(path, { origin: 'http://evil.example' }), 'foreign-origin', path)
      assert.equal(await code(path, { 'sec-fetch-site': 'cross-site' }), 'cross-site', path)
    }
  })

  it('refuses no token, a wrong token, and one in the address', async () => {
    for (const path of PROTECTED) {
      const answer = await status.askLoopback({ path, headers: { authorization: '' } })
      assert.deepEqual([answer.status, answer.json()['code']], [401, 'no-token'], path)
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="althing"')
      assert.equal(await code(path, { authorization: 'Bearer wrong' }), 'wrong-token', path)
    }
    assert.equal(await code('/v1/status?token=x'), 'token-in-url')
    assert.equal(await code('/?access_token=x'), 'token-in-url')
  })

  it('refuses a write that a form could send', async () => {
    assert.equal(await code('/v1/jobs', { 'content-type': 'text/plain' }, 'POST'), 'wrong-content-type')
    assert.equal(
      await code('/v1/shutdown', { 'content-type': 'application/x-www-form-urlencoded' }, 'POST'),
      'wrong-content-type',
    )
    assert.equal(await code('/v1/shutdown', {}, 'POST'), 'wrong-content-type')
    assert.equal(status.operations.stopped, false)
  })

  it('sends no CORS header, not even to a preflight', async () => {
    const answer = await status.askLoopback({
      method: 'OPTIONS',
      path: '/v1/jobs',
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    })
    assert.equal(answer.status, 403)
    assert.deepEqual(
      Object.keys(answer.headers).filter((name) => name.startsWith('access-control')),
      [],
    )
  })

  it('shows the page and the probes without the token, but no details of the checks', async () => {
    const open = (path: string) => status.askLoopback({ path, headers: { authorization: '' } })
    assert.deepEqual((await open('/healthz')).json(), { status: 'ok' })
    assert.equal((await open('/livez')).status, 200)
    assert.equal((await open('/readyz')).status, 200)
    const page = await open('/')
    assert.deepEqual([page.status, page.headers['cache-control']], [200, 'no-store'])
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    assert.equal(
      page.headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    assert.equal(page.headers['x-content-type-options'], 'nosniff')
    assert.equal(page.headers['referrer-policy'], 'no-referrer')
    assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin')
    const asset = await open('/assets/index-abc123.js')
    assert.deepEqual([asset.status, asset.headers['cache-control']], [200, 'public, max-age=31536000, immutable'])
    assert.equal((await open('/icon.svg')).headers['content-type'], 'image/svg+xml')
  })

  it('serves nothing outside the page', async () => {
    writeFileSync(join(status.dir, 'secret.json'), '{}')
    for (const path of [
      '/assets/..%2f..%2fa.sock',
      '/assets/%2e%2e',
      '/..%2fsecret.json',
      '/assets/..%2f..%2fsecret.json',
      '/assets/..%2findex.html',
      '/assets/none.js',
      '/assets',
      '/.env',
      '/web',
    ]) {
      assert.equal((await status.askLoopback({ path })).status, 404, path)
    }
  })

  it('says so when the page is not built', async () => {
    const bare = await startStatus({ webDir: '/nonexistent' })
    const answer = await bare.askLoopback({ path: '/' })
    await bare.stop()
    assert.deepEqual([answer.status, answer.json()['code']], [404, 'no-page'])
  })
})
