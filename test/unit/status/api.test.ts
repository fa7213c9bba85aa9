import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import type { Problem } from '../../../src/model/api.ts'
import type { PolicyHistory, PolicyView } from '../../../src/model/policy-api.ts'
import { OperationError } from '../../../src/node/operations.ts'
import { PEER_B } from '../../support/fake-operations.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'
import { until } from '../../support/until.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

describe('status: the API by the socket', () => {
  let status: StatusFixture
  beforeEach(async () => {
    status = await startStatus()
  })
  afterEach(() => status.stop())

  const get = (path: string) => status.ask({ path })
  const post = (path: string, body: unknown) =>
    status.ask({ method: 'POST', path, headers: JSON_TYPE, body: JSON.stringify(body) })
  async function problem(path: string, code: string, httpStatus: number): Promise<Problem> {
    const answer = await get(path)
    assert.equal(answer.headers['content-type'], 'application/problem+json', path)
    const found = answer.json<Problem>()
    assert.deepEqual([answer.status, found.status, found.code], [httpStatus, httpStatus, code], answer.text)
    return found
  }

  it('shows the daemon, the nodes and one node', async () => {
    assert.equal((await get('/v1/status')).json()['name'], 'attic')
    assert.equal((await get('/v1/nodes')).json<unknown[]>().length, 2)
    assert.deepEqual(
      (await get('/v1/nodes?selector=zone%3Dbarn&all=true')).json<{ name: string }[]>().map((n) => n.name),
      ['barn'],
    )
    assert.equal((await get(`/v1/nodes/${PEER_B}`)).json()['name'], 'barn')
    assert.equal((await problem('/v1/nodes/cellar', 'not-found', 404)).fix, 'see `althing nodes --all`')
    await problem('/v1/nodes?selector=((', 'invalid', 422)
  })

  it('refuses a query it does not know, naming the field', async () => {
    assert.deepEqual(
      (await problem('/v1/nodes?all=yes', 'invalid', 400)).errors?.map(({ path }) => path),
      ['all'],
    )
    assert.match((await problem('/v1/nodes?limit=3', 'invalid', 400)).detail!, /limit/)
  })

  it('finds by capability, and says why it finds none', async () => {
    const found = (await get('/v1/capabilities/write_article')).json<{ matches: { node: string }[] }>()
    assert.equal(found.matches[0]?.node, 'barn')
    const none = await problem('/v1/capabilities/cook', 'no-capable-nodes', 404)
    assert.deepEqual(none.reasons, ['barn names it, but is offline'])
  })

  it('takes a bundle, a job that names it, and shows the task', async () => {
    const stored = await status.ask({
      method: 'POST',
      path: '/v1/bundles',
      headers: { 'content-type': 'application/x-tar' },
      body: 'tar',
    })
    assert.equal(stored.status, 201)
    const input = stored.json<{ sha256: string; sizeBytes: number }>()
    const accepted = await post('/v1/jobs', { spec: { command: ['true'], input }, count: 2 })
    assert.equal(accepted.status, 201)
    const { taskIds } = accepted.json<{ taskIds: string[] }>()
    assert.equal(taskIds.length, 2)
    assert.equal(status.operations.submitted[0]?.spec.graceMs, 5_000, 'defaults are filled in')
    assert.deepEqual((await get('/v1/tasks')).json(), [])
    assert.equal((await get('/v1/tasks?all=true')).json<unknown[]>().length, 2)
    assert.equal((await get(`/v1/tasks/${taskIds[0]}`)).json()['state'], 'succeeded')
    assert.equal((await get(`/v1/tasks/${taskIds[0]}/why`)).json<{ story: unknown[] }>().story.length, 6)
    await problem('/v1/tasks/none', 'not-found', 404)
    await problem('/v1/tasks/none/logs', 'not-found', 404)
  })

  it('names every field of a job that does not fit', async () => {
    const answer = await post('/v1/jobs', { spec: { command: [], env: { '1X': 'y' }, colour: 'red' }, count: 0 })
    assert.equal(answer.status, 422)
    const paths = answer.json<Problem>().errors!.map(({ path }) => path)
    assert.deepEqual(paths.toSorted(), ['count', 'spec', 'spec.command', 'spec.env.1X'])
    const { detail } = answer.json<Problem>()
    assert.match(detail!, /spec\.command: expected a command and its arguments;/)
    assert.match(detail!, /spec\.env\.1X: expected a variable: letters, digits and _, not starting with a digit;/)
  })

  it('refuses text that would reach the task as another than was sent, and names its field', async () => {
    for (const [spec, path] of [
      [{ command: ['printf', 'a\0b'] }, 'spec.command[1]'],
      [{ command: ['printf', 'half \ud800'] }, 'spec.command[1]'],
      [{ command: ['env'], env: { MODE: 'fast\0OTHER=1' } }, 'spec.env.MODE'],
      [{ command: ['env'], env: { 'MODE\0': '1' } }, 'spec.env.MODE\0'],
      [{ command: ['true'], name: 'a\0b' }, 'spec.name'],
      [{ command: ['true'], selector: 'zone\0=attic' }, 'spec.selector'],
    ] as const) {
      const answer = await post('/v1/jobs', { spec })
      assert.equal(answer.status, 422, path)
      assert.deepEqual(
        answer.json<Problem>().errors!.map((error) => error.path),
        [path],
      )
      const expected = path.includes('\0') ? /expected a variable/ : /: expected text without NUL characters/
      assert.match(answer.json<Problem>().detail!, expected)
    }
    assert.deepEqual(status.operations.submitted, [])
    assert.equal((await post('/v1/jobs', { spec: { command: ['printf', 'ä 😀\n\u0001'] } })).status, 201)
  })

  it('refuses a body that is no JSON, has the wrong type, or is too large', async () => {
    const send = (contentType: string, body: string) =>
      status.ask({ method: 'POST', path: '/v1/jobs', headers: { 'content-type': contentType }, body })
    assert.deepEqual(
      [(await send('application/json', '{')).json()['code'], (await send('text/plain', '{}')).status],
      ['bad-json', 415],
    )
    assert.equal((await send('application/json', JSON.stringify({ x: 'y'.repeat(600_000) }))).status, 413)
    const chunked = request({ socketPath: status.socketPath, method: 'POST', path: '/v1/trust', headers: JSON_TYPE })
    const answered = once(chunked, 'response')
    for (let n = 0; n < 10; n++) chunked.write('x'.repeat(1024))
    chunked.end()
    const [response] = (await answered) as [{ statusCode: number; resume(): void }]
    response.resume()
    assert.equal(response.statusCode, 413, 'also when the length is not announced')
  })

  it('answers a bundle that is refused half-way, though more of it comes', async () => {
    status.operations.addBundle = (body) => {
      // As a pipeline into a full disk does.
      body.once('data', () => body.destroy())
      return Promise.reject(new OperationError('full', 'the disk is full'))
    }
    const sent = request({
      socketPath: status.socketPath,
      method: 'POST',
      path: '/v1/bundles',
      headers: { 'content-type': 'application/x-tar' },
    })
    const answered = once(sent, 'response')
    for (let n = 0; n < 64; n++) sent.write(Buffer.alloc(64 * 1024))
    const [response] = (await answered) as [{ statusCode: number; resume(): void }]
    assert.equal(response.statusCode, 507)
    response.resume()
    sent.end()
  })

  it('tells the reader of a bundle when its sender goes', async () => {
    let failed: unknown
    status.operations.addBundle = async (body) => {
      for await (const _ of body);
      throw new Error('read a whole bundle that was cut off')
    }
    const { addBundle } = status.operations
    status.operations.addBundle = (body) =>
      addBundle(body).catch((error: unknown) => Promise.reject((failed = error) as Error))
    const sent = request({
      socketPath: status.socketPath,
      method: 'POST',
      path: '/v1/bundles',
      headers: { 'content-type': 'application/x-tar' },
    })
    sent.on('error', () => {})
    sent.write('half of it')
    await until(
      'the server has the request',
      () => sent.socket?.bytesWritten !== undefined && sent.socket.bytesWritten > 0,
    )
    sent.destroy()
    await until('the reader fails', () => failed !== undefined)
    assert.match((failed as Error).message, /ended before its body did/)
  })

  it('waits for the end of a task, and lets go when the client does', async () => {
    status.operations.script = undefined
    const { taskIds } = (await post('/v1/jobs', { spec: { command: ['sleep'] } })).json<{ taskIds: string[] }>()
    const waiting = get(`/v1/tasks/${taskIds[0]}?wait=ended`)
    await until('it waits', () => status.operations.changes.listenerCount('change') === 1)
    const leaving = request({ socketPath: status.socketPath, path: `/v1/tasks/${taskIds[0]}?wait=ended` }).on(
      'error',
      () => {},
    )
    leaving.end()
    await until('two wait', () => status.operations.changes.listenerCount('change') === 2)
    leaving.destroy()
    await until('one has left', () => status.operations.changes.listenerCount('change') === 1)
    status.operations.play(taskIds[0]!, {})
    assert.equal((await waiting).json()['state'], 'succeeded')
  })

  it('cancels, and says when it is too late', async () => {
    status.operations.script = undefined
    const { taskIds } = (await post('/v1/jobs', { spec: { command: ['sleep'] } })).json<{ taskIds: string[] }>()
    assert.equal((await post(`/v1/tasks/${taskIds[0]}/cancel`, {})).status, 202)
    assert.deepEqual(status.operations.cancelled, taskIds)
    status.operations.play(taskIds[0]!, {})
    assert.equal((await post(`/v1/tasks/${taskIds[0]}/cancel`, {})).status, 409)
  })

  it('hands out an output, or says that there is none', async () => {
    const { taskIds } = (await post('/v1/jobs', { spec: { command: ['true'] } })).json<{ taskIds: string[] }>()
    await problem(`/v1/tasks/${taskIds[0]}/output`, 'not-found', 404)
    status.operations.outputs.set(taskIds[0]!, Buffer.from('a tar'))
    const output = await get(`/v1/tasks/${taskIds[0]}/output`)
    assert.deepEqual([output.headers['content-type'], output.text], ['application/x-tar', 'a tar'])
  })

  it('keeps a policy, tries one and explains it', async () => {
    const yaml = { 'content-type': 'application/yaml' }
    const send = (path: string, body: string) => status.ask({ method: 'POST', path, headers: yaml, body })
    assert.deepEqual((await get('/v1/policy')).json(), { stopped: [] })
    const faulty = await send('/v1/policy?file=a.yaml&by=me', 'kind: Police')
    assert.deepEqual([faulty.status, faulty.json()['code']], [422, 'bad-policy'])
    assert.match(faulty.json<Problem>().detail!, /^a\.yaml:1:1/)
    assert.equal((await send('/v1/policy', 'kind: Policy')).json<PolicyView>().policy!.name, 'house')
    assert.equal((await get('/v1/policy')).json<PolicyView>().text, 'kind: Policy')
    assert.equal((await get('/v1/policy/history')).json<PolicyHistory>().versions.length, 1)
    assert.equal((await send('/v1/policy/test', 'kind: Policy')).json()['offers'], 0)
    const big = await send('/v1/policy', 'x'.repeat(1024 * 1024 + 1))
    assert.equal(big.status, 413)
    await problem('/v1/tasks/nosuchtask/policy', 'not-found', 404)
    assert.equal((await status.ask({ method: 'DELETE', path: '/v1/policy?by=me' })).status, 200)
    assert.equal((await status.ask({ method: 'DELETE', path: '/v1/policy' })).status, 404)
  })

  it('keeps the trust list', async () => {
    assert.deepEqual((await post('/v1/trust', { peer: PEER_B })).json()['peers'], [PEER_B])
    assert.equal((await post('/v1/trust', { peer: 'nobody' })).status, 422)
    assert.deepEqual((await get('/v1/trust')).json(), { open: false, peers: [PEER_B] })
    const removed = await status.ask({ method: 'DELETE', path: `/v1/trust/${PEER_B}` })
    assert.deepEqual(removed.json()['peers'], [])
    assert.equal((await status.ask({ method: 'DELETE', path: `/v1/trust/${PEER_B}` })).status, 404)
  })

  it('publishes passports, and passes on where a file is wrong', async () => {
    const apply = (body: string) =>
      status.ask({
        method: 'POST',
        path: '/v1/passports?file=p.yaml',
        headers: { 'content-type': 'application/yaml' },
        body,
      })
    assert.deepEqual((await apply('kind: NodePassport')).json(), { published: ['writer'] })
    const refused = await apply('nothing')
    assert.deepEqual(
      [refused.status, refused.json()['detail']],
      [422, 'p.yaml:1:1: kind: expected a text, found nothing'],
    )
  })

  it('answers the probes', async () => {
    assert.equal((await get('/livez')).status, 200)
    assert.equal((await get('/readyz')).status, 200)
    assert.deepEqual((await get('/healthz')).json(), { status: 'ok', checks: { store: 'ok' } })
    status.operations.isReady = false
    status.operations.checks = { store: 'the disk is full', peer: undefined }
    await problem('/readyz', 'not-ready', 503)
    const unwell = await get('/healthz')
    assert.equal(unwell.status, 503)
    assert.deepEqual(unwell.json(), { status: 'unwell', checks: { store: 'the disk is full', peer: 'ok' } })
    const head = await status.ask({ method: 'HEAD', path: '/livez' })
    assert.deepEqual([head.status, head.text], [200, ''])
  })

  it('answers before it stops the daemon', async () => {
    const stopped = once(status.operations.changes, 'shutdown')
    assert.equal((await post('/v1/shutdown', {})).status, 202)
    await stopped
  })

  it('knows no other paths and methods, and breaks on none', async () => {
    await problem('/v2/status', 'no-such-path', 404)
    await problem('//evil.example/v1/status', 'no-such-path', 404)
    await problem('/v1/nodes/%E0%A4%A', 'bad-path', 400)
    await problem('/v1/nodes/', 'no-such-path', 404)
    for (const method of ['PUT', 'OPTIONS', 'DELETE', 'HEAD']) {
      const answer = await status.ask({ method, path: '/v1/status' })
      assert.equal(answer.status, 405, method)
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    }
  })

  it('hides what an unexpected error says, and goes on', async () => {
    status.operations.status = () => {
      throw new TypeError('secret')
    }
    const found = await problem('/v1/status', 'internal', 500)
    assert.doesNotMatch(JSON.stringify(found), /secret/)
    assert.equal((await get('/livez')).status, 200)
  })
})
