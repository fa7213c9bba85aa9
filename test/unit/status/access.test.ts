import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import type { TaskView } from '../../../src/model/api.ts'
import type { TokenView } from '../../../src/model/access-view.ts'
import { identify, type JwtReader, type Shown } from '../../../src/status/access/identify.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { askStream } from '../../support/http.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const LOOPBACK: Shown = { channel: 'loopback', address: '127.0.0.1', authorization: undefined }
const REMOTE: Shown = { channel: 'remote', address: '10.0.0.5', authorization: undefined }

describe('status: who asks', () => {
  const { tokens } = new FakeOperations()
  const made = tokens.create({ name: 'ci', role: 'submitter', ttlMs: 60_000 })
  const jwt: JwtReader = {
    read: async () => ({ known: true, principal: { by: 'jwt', name: 'ann', role: 'viewer' } }),
  }
  const who = async (shown: Shown, authorization?: string, reader?: JwtReader) => {
    const found = await identify({ ...shown, authorization }, { pageToken: 'right', tokens, jwt: reader })
    return found.known ? `${found.principal.by} ${found.principal.name} ${found.principal.role}` : found.code
  }

  const table: [string, Shown, string | undefined, string, JwtReader?][] = [
    ['the socket, without anything', { ...LOOPBACK, channel: 'socket' }, undefined, 'socket socket admin'],
    ['the page', LOOPBACK, 'Bearer right', 'page page admin'],
    ['nothing', LOOPBACK, undefined, 'no-token'],
    ['another scheme', LOOPBACK, 'Basic right', 'no-token'],
    ['an empty token', LOOPBACK, 'Bearer ', 'no-token'],
    ['two tokens', LOOPBACK, 'Bearer right right', 'no-token'],
    ['a wrong token', LOOPBACK, 'Bearer wrong', 'wrong-token'],
    ['a token that only begins well', LOOPBACK, 'Bearer right2', 'wrong-token'],
    ['a token of its own', LOOPBACK, `Bearer ${made.token}`, 'token ci submitter'],
    ['the same from elsewhere', REMOTE, `bearer ${made.token}`, 'token ci submitter'],
    ["the page's token from elsewhere", REMOTE, 'Bearer right', 'wrong-token'],
    ['an id without its secret', REMOTE, `Bearer alth_${made.id}_${'a'.repeat(43)}`, 'wrong-token'],
    ['a JWT where none is taken', REMOTE, 'Bearer a.b.c', 'wrong-token'],
    ['a JWT', REMOTE, 'Bearer a.b.c', 'jwt ann viewer', jwt],
    ['a JWT on loopback', LOOPBACK, 'Bearer a.b.c', 'jwt ann viewer', jwt],
    ['a JWT that is too long', REMOTE, `Bearer a.b.${'c'.repeat(8 * 1024)}`, 'wrong-token', jwt],
    ['a token of its own beside JWTs', REMOTE, `Bearer ${made.token}`, 'token ci submitter', jwt],
  ]
  for (const [name, shown, authorization, expected, reader] of table)
    it(`${name}: ${expected}`, async () => assert.equal(await who(shown, authorization, reader), expected))
})

describe('status: tokens', () => {
  let status: StatusFixture
  beforeEach(async () => (status = await startStatus()))
  afterEach(() => status.stop())

  const bearer = (token: string) => ({ authorization: `Bearer ${token}`, host: `127.0.0.1:${status.port}` })
  const create = (request: object) =>
    status.ask({
      method: 'POST',
      path: '/v1/tokens',
      headers: { host: 'x', 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
  const make = async (request: object) => {
    const answer = await create(request)
    assert.equal(answer.status, 201, answer.text)
    return answer.json<{ token: string; id: string }>()
  }
  const open = (path: string, token: string) => askStream({ port: status.port, path, headers: bearer(token) })
  /** How a response ends, once all of it was read. */
  const endOf = (response: IncomingMessage): Promise<string> => {
    response.resume()
    response.on('error', () => {})
    return new Promise((done) => response.once('close', () => done(response.complete ? 'whole' : 'cut')))
  }

  it('are made, listed without their text, used, and revoked', async () => {
    const { token, id } = await make({ name: 'ci', role: 'viewer' })
    assert.equal((await status.askLoopback({ path: '/v1/status', headers: bearer(token) })).status, 200)
    const listed = await status.ask({ path: '/v1/tokens', headers: { host: 'x' } })
    assert.ok(!listed.text.includes(token))
    const [view] = listed.json<readonly TokenView[]>()
    assert.deepEqual([view!.id, view!.state, typeof view!.usedAtMs], [id, 'live', 'number'])
    const revoked = await status.ask({ method: 'DELETE', path: '/v1/tokens/ci', headers: { host: 'x' } })
    assert.equal(revoked.json<TokenView>().state, 'revoked')
    const after = await status.askLoopback({ path: '/v1/status', headers: bearer(token) })
    assert.deepEqual([after.status, after.json()['code']], [401, 'revoked-token'])
    assert.equal(after.headers['www-authenticate'], 'Bearer realm="althing", error="invalid_token"')
  })

  it('are refused with what is wrong: a bad name, a role for no tenant, one that is there', async () => {
    assert.equal((await create({ name: 'a b', role: 'viewer' })).status, 422)
    assert.equal((await create({ name: 'x', role: 'admin', tenant: 'team-a' })).status, 422)
    await make({ name: 'x', role: 'admin' })
    assert.equal((await create({ name: 'x', role: 'admin' })).status, 409)
  })

  it('when one is revoked, what it has open is cut at once; what others have open stays', async () => {
    status.operations.script = undefined
    const spec = { command: ['x'], resources: { cpuMilli: 1, memoryBytes: 1 } } as never
    const taskId = status.operations.submit({ spec, count: 1, placeTimeoutMs: 1 }).taskIds[0]!
    const { token } = await make({ name: 'ci', role: 'viewer' })
    const other = (await make({ name: 'other', role: 'viewer' })).token
    const events = await open('/v1/events', token)
    const kept = await open('/v1/events', other)
    const logs = await open(`/v1/tasks/${taskId}/logs?follow=true`, token)
    const waiting = open(`/v1/tasks/${taskId}?wait=ended`, token).then(
      () => 'answered',
      () => 'cut',
    )
    const { listeners, changes } = status.operations
    // Of the changes one each: who follows the log, and who waits for the end.
    await until('all listen', () => listeners.size === 2 && changes.listenerCount('change') === 2)
    const ends = Promise.all([endOf(events), endOf(logs), waiting])
    status.operations.tokens.revoke('ci')
    assert.deepEqual(await ends, ['cut', 'cut', 'cut'])
    await until('let go', () => status.operations.listeners.size === 1 && status.operations.logReaders === 0)
    kept.destroy()
  })

  it('when one expires, what it has open is cut then', async () => {
    const { token } = await make({ name: 'ci', role: 'viewer', ttlMs: 1_000 })
    const events = await open('/v1/events', token)
    assert.equal(await endOf(events), 'cut')
    status.operations.clockMs += 1_000
    const after = await status.askLoopback({ path: '/v1/status', headers: bearer(token) })
    assert.equal(after.json()['code'], 'expired-token')
  })

  it('a request that is let in at the very moment its token ends is cut', async () => {
    const { token } = await make({ name: 'ci', role: 'viewer' })
    const { tokens } = status.operations
    const check = tokens.check.bind(tokens)
    tokens.check = (text) => {
      const found = check(text)
      tokens.revoke('ci')
      return found
    }
    await assert.rejects(open('/v1/events', token))
    assert.equal(status.operations.listeners.size, 0)
  })

  it('an admin token that revokes itself still gets the answer', async () => {
    const { token } = await make({ name: 'boss', role: 'admin' })
    const answer = await status.askLoopback({ method: 'DELETE', path: '/v1/tokens/boss', headers: bearer(token) })
    assert.deepEqual([answer.status, answer.json()['state']], [200, 'revoked'])
    assert.equal((await status.askLoopback({ path: '/v1/status', headers: bearer(token) })).status, 401)
  })

  it('of a tenant are answered by the surface of that tenant alone: lists, single ones, events', async () => {
    status.operations.script = undefined
    const { askedAs } = status.operations
    askedAs.length = 0
    const tokens = {
      a: (await make({ name: 'a', role: 'submitter', tenant: 'team-a' })).token,
      b: (await make({ name: 'b', role: 'submitter', tenant: 'team-b' })).token,
      all: (await make({ name: 'all', role: 'viewer' })).token,
    }
    const stream = await open('/v1/events', tokens.b)
    let told = ''
    stream.on('data', (chunk: Buffer) => (told += chunk.toString()))
    await until('subscribed', () => status.operations.listeners.size === 1)
    const submit = async (token: string) => {
      const answer = await status.askLoopback({
        method: 'POST',
        path: '/v1/jobs',
        headers: { ...bearer(token), 'content-type': 'application/json' },
        body: JSON.stringify({ spec: { command: ['true'] } }),
      })
      return answer.json<{ taskIds: string[] }>().taskIds[0]!
    }
    const [ofA, ofB] = [await submit(tokens.a), await submit(tokens.b)]
    const list = async (token: string) => {
      const answer = await status.askLoopback({ path: '/v1/tasks?all=true', headers: bearer(token) })
      return answer.json<TaskView[]>().map(({ taskId, tenant }) => `${taskId} ${tenant}`)
    }
    assert.deepEqual(askedAs, ['team-b', 'team-a', 'team-b'], 'the stream, and what was submitted')
    assert.deepEqual(await list(tokens.a), [`${ofA} team-a`])
    assert.deepEqual(await list(tokens.b), [`${ofB} team-b`])
    assert.deepEqual(askedAs.slice(3), ['team-a', 'team-b'])
    assert.equal((await list(tokens.all)).length, 2)
    const cancel = (taskId: string, token: string) =>
      status.askLoopback({
        method: 'POST',
        path: `/v1/tasks/${taskId}/cancel`,
        headers: { ...bearer(token), 'content-type': 'application/json' },
      })
    for (const path of [`/v1/tasks/${ofA}`, `/v1/tasks/${ofA}?wait=ended`])
      assert.equal((await status.askLoopback({ path, headers: bearer(tokens.b) })).status, 404, path)
    assert.equal((await cancel(ofA, tokens.b)).status, 404)
    assert.deepEqual(askedAs.slice(5), ['team-b', 'team-b', 'team-b'], 'the one without a tenant asked by none')
    status.operations.start(ofA)
    status.operations.start(ofB)
    await until('its own event', () => told.includes(ofB))
    assert.ok(!told.includes(ofA), told)
    stream.destroy()
  })

  it('a submitter without a tenant ends what has none, an operator anything', async () => {
    status.operations.script = undefined
    const spec = { command: ['x'], resources: { cpuMilli: 1, memoryBytes: 1 } } as never
    const job = { spec, count: 1, placeTimeoutMs: 1 }
    const [hosts, tenants] = [undefined, 'team-a'].map((tenant) => status.operations.submit(job, tenant).taskIds[0]!)
    const submitter = (await make({ name: 's', role: 'submitter' })).token
    const operator = (await make({ name: 'o', role: 'operator' })).token
    const cancel = async (taskId: string, token: string) => {
      const headers = { ...bearer(token), 'content-type': 'application/json' }
      return (await status.askLoopback({ method: 'POST', path: `/v1/tasks/${taskId}/cancel`, headers })).status
    }
    assert.equal(await cancel(tenants!, submitter), 403)
    assert.equal(await cancel(hosts!, submitter), 202)
    assert.equal(await cancel(tenants!, operator), 202)
    assert.deepEqual(status.operations.cancelled, [hosts, tenants])
  })

  it('those who are refused are counted, and the page is not shut out by others that fail', async () => {
    for (let at = 0; at < 30; at++) await status.askLoopback({ path: '/v1/status', headers: bearer(`wrong${at}`) })
    const { token } = await make({ name: 'v', role: 'viewer' })
    await status.askLoopback({ method: 'DELETE', path: '/v1/tokens/v', headers: bearer(token) })
    const { text } = await status.askLoopback({ path: '/metrics' })
    assert.match(text, /^althing_api_refused_total\{reason="wrong-token"\} 30$/m)
    assert.match(text, /^althing_api_refused_total\{reason="not-allowed"\} 1$/m)
    assert.match(text, /^althing_api_tokens 1$/m)
  })
})
