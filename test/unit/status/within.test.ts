import assert from 'node:assert/strict'
import { placeOf } from '../../../src/status/within.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { startStatus, type StatusFixture } from '../../support/status-fixture.ts'

describe('status: a daemon in several clusters', () => {
  let status: StatusFixture
  beforeEach(async () => {
    status = await startStatus()
    const works = new FakeOperations()
    works.trusted = ['12D3KooWAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']
    status.operations.beside.set('works', works)
  })
  afterEach(() => status.stop())

  const get = (path: string) => status.ask({ path, headers: { host: 'x' } })

  it('is asked about each by the beginning of the path', async () => {
    assert.equal((await get('/v1/trust')).json<{ peers: string[] }>().peers.length, 0)
    assert.equal((await get('/clusters/works/v1/trust')).json<{ peers: string[] }>().peers.length, 1)
    const clusters = (await get('/v1/clusters')).json<{ name: string; first: boolean }[]>()
    assert.deepEqual(clusters, [
      { name: 'home', first: true },
      { name: 'works', first: false },
    ])
  })

  it('says so of a cluster it is not in, and of what is about the daemon as a whole', async () => {
    const none = await get('/clusters/nowhere/v1/status')
    assert.deepEqual([none.status, none.json<{ code: string }>().code], [404, 'not-found'])
    for (const path of ['/clusters/works/v1/tokens', '/clusters/works/v1/clusters']) {
      const answer = await get(path)
      assert.equal(answer.status, 404, path)
      assert.match(answer.json<{ detail: string }>().detail, /about the daemon, not one of its clusters/)
    }
    const headers = { host: 'x', 'content-type': 'application/json' }
    const ended = await status.ask({ method: 'POST', path: '/clusters/works/v1/shutdown', headers, body: '{}' })
    assert.equal(ended.status, 404)
  })

  it('asks for the same token there as elsewhere', async () => {
    const host = `127.0.0.1:${status.port}`
    const answer = await fetch(`http://${host}/clusters/works/v1/status`)
    assert.equal(answer.status, 401)
  })

  it('reads no cluster out of anything else', () => {
    for (const path of [
      '/clusters/a/b/v1/x',
      '/clusters//v1/x',
      '/clusters/a/v2/x',
      '/clusters/A/v1/x',
      '/v1/clusters/a/v1/x',
    ])
      assert.deepEqual(placeOf(path), { path })
    assert.deepEqual(placeOf('/clusters/a.b-c/v1/tasks/t/why'), { cluster: 'a.b-c', path: '/v1/tasks/t/why' })
  })
})
