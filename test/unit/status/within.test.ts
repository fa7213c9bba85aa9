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

  it('gives the samples of each under its name, as promtool would have them', async () => {
    const { operations } = status
    operations.samples = { tasks_running: 1, 'nodes{state="ready"}': 2 }
    operations.beside.get('works')!.samples = { tasks_running: 5, 'nodes{state="ready"}': 7 }
    operations.out.set('lab', 'its store is damaged')
    const { text } = await get('/metrics')
    assert.match(text, /^# TYPE (althing_tasks_running) gauge\n\1\{cluster="home"\} 1\n\1\{cluster="works"\} 5\n#/m)
    assert.match(text, /^(althing_nodes)\{cluster="home",state="ready"\} 2\n\1\{cluster="works",state="ready"\} 7$/m)
    const helped = text.split('\n').filter((line) => line.startsWith('# HELP'))
    assert.equal(new Set(helped).size, helped.length)
    operations.beside.clear()
    operations.out.clear()
    assert.match((await get('/metrics')).text, /^althing_tasks_running 1$/m)
  })

  it('is unwell while one beside the first does not run, or stores nothing', async () => {
    const { operations } = status
    const checks = async () => {
      const answer = await get('/healthz')
      return [answer.status, answer.json<{ checks: object }>().checks]
    }
    assert.deepEqual(await checks(), [200, { store: 'ok', 'cluster works': 'ok' }])
    operations.beside.get('works')!.checks = { store: 'the disk is full', mesh: 'the node is joining' }
    operations.out.set('lab', 'its store is damaged')
    assert.deepEqual(await checks(), [
      503,
      {
        store: 'ok',
        'cluster works': 'the disk is full',
        'cluster lab': 'this daemon is not in lab now: its store is damaged',
      },
    ])
    assert.equal((await get('/readyz')).status, 200)
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
