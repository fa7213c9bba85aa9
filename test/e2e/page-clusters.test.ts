/** The status page of a daemon that is in several clusters, in a real browser. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { JobAccepted, StatusView } from '../../src/model/api.ts'
import { done, invite, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, stopAll, type TestDaemon } from '../support/daemon.ts'
import { ask } from '../support/http.ts'
import { DEADLINE_MS, gone, isRed, linkNow, live, overflowOf, shown, withBrowser } from '../support/page.ts'

// What of the browser's world the functions below use; they run there, not here.
declare const document: {
  readonly activeElement: { readonly textContent: string | null } | null
}
declare const location: { readonly hash: string }
declare function requestAnimationFrame(then: () => void): void

const clusterLink = (page: Page, name: string) =>
  page.getByRole('navigation', { name: 'Clusters' }).getByRole('link', { name })
const nodeRow = (page: Page, name: string) => page.locator('tr[data-peer]').getByRole('link', { name, exact: true })
const hashOf = (page: Page) => page.evaluate(() => location.hash)

/** Submits a job for these clusters. */
async function submit(daemon: TestDaemon, ...clusters: string[]): Promise<JobAccepted> {
  const answer = await ask({
    socketPath: daemon.socketPath,
    method: 'POST',
    path: '/v1/jobs',
    headers: { host: 'localhost', 'content-type': 'application/json' },
    body: JSON.stringify({ spec: { command: ['true'] }, clusters }),
  })
  assert.equal(answer.status, 201, answer.text)
  return answer.json<JobAccepted>()
}

/** Holds back the answers to a path. @returns a promise of the first question, and what lets the answers go */
async function hold(page: Page, path: string): Promise<{ asked: Promise<unknown>; release(): Promise<void> }> {
  const isIt = (url: string): boolean => new URL(url).pathname === path
  const held = Promise.withResolvers<void>()
  await page.route(
    ({ href }) => isIt(href),
    async (route) => {
      await held.promise
      await route.continue()
    },
  )
  const asked = page.waitForRequest((request) => isIt(request.url()))
  const answered = page.waitForResponse((response) => isIt(response.url()))
  const release = async (): Promise<void> => {
    held.resolve()
    await (await answered).finished()
  }
  return { asked, release }
}

/** Has the admin at a founder sign a policy for the network of clusters. */
async function agree(founder: TestDaemon): Promise<void> {
  const dir = freshDataDir()
  const head = 'apiVersion: althing.dev/v1\nkind: Policy\nmetadata: { name: treaty }\n'
  writeFileSync(join(dir, 'treaty.yaml'), `${head}spec: { rules: [{ name: everything, allow: 'true' }] }\n`)
  await done(founder.cliIn(dir, 'policy', 'apply', '--network', 'treaty.yaml'))
}

/** The directory of a daemon that has a cluster beside its first of which nothing can be read. */
function withBroken(): string {
  const dataDir = freshDataDir()
  const place = join(dataDir, 'clusters', 'broken')
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, 'place.json'), '{"port":4291}\n')
  return dataDir
}

describe('status page of several clusters', function () {
  this.timeout(90_000)
  const visit = withBrowser()
  let north: TestDaemon
  let south: TestDaemon
  let both: TestDaemon

  before(async () => {
    north = await startClosed('north', { page: true })
    south = await startClosed('south')
    both = await startClosed('both', { page: true, dataDir: withBroken() })
    await done(north.cli('init', 'house', '--owner', 'ann'))
    await done(south.cli('init', 'partners', '--owner', 'bob'))
    await agree(north)
    await agree(south)
    await done(both.cli('join', (await invite(north)).ticket))
    await done(both.cli('join', '--beside', (await invite(south)).ticket))
    for (const prefix of ['', '/clusters/partners']) {
      await eventually(`the policy and the members at ${prefix}/v1`, async () => {
        const { governance } = await both.get<StatusView>(`${prefix}/v1/status`)
        const nodes = await both.get<unknown[]>(`${prefix}/v1/nodes`)
        return governance?.networkPolicy?.name === 'treaty' && nodes.length === 2
      })
    }
  })

  after(stopAll)

  it('shows no clusters where there is one', async () => {
    const { page, problems } = await visit(await linkNow(north))
    await shown(nodeRow(page, 'both'))
    assert.equal(await page.getByRole('navigation', { name: 'Clusters' }).count(), 0)
    assert.equal(await page.getByRole('heading', { name: 'Clusters' }).count(), 0)
    assert.deepEqual(problems, [])
  })

  it('goes by keyboard to the other cluster, asks and follows that one alone, and stays there', async () => {
    const { page, problems } = await visit(await linkNow(both))
    await shown(nodeRow(page, 'north'))
    await shown(clusterLink(page, 'partners'))
    assert.equal(await nodeRow(page, 'south').count(), 0)
    assert.equal(await clusterLink(page, 'house').getAttribute('aria-current'), 'true')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    const isOn = (name: string) =>
      page.evaluate((wanted) => document.activeElement?.textContent?.trim() === wanted, name)
    for (let press = 0; press < 12 && !(await isOn('partners')); press++) await page.keyboard.press('Tab')
    assert.ok(await isOn('partners'), 'no way to the link by the tabulator')
    await page.keyboard.press('Enter')
    await shown(nodeRow(page, 'south'))
    await live(page)
    assert.equal(await nodeRow(page, 'north').count(), 0)
    assert.equal(await clusterLink(page, 'partners').getAttribute('aria-current'), 'true')
    assert.equal(await hashOf(page), '#/clusters/partners/')
    // Tasks are read when an event tells of them: only the stream of this cluster does.
    const [taskId] = (await submit(both, 'partners')).taskIds
    await page.locator(`tr[data-task="${taskId}"]`).getByRole('link').first().click()
    await shown(page.locator('.detail-head [data-state="succeeded"]'))
    assert.equal(await hashOf(page), `#/clusters/partners/tasks/${taskId}`)
    const elsewhere = asked.filter((path) => /^\/v1\/(?!clusters$)|^\/clusters\/(?!partners\/)/.test(path))
    assert.deepEqual(elsewhere, [])
    await page.reload()
    await shown(page.locator('.detail-head [data-state="succeeded"]'))
    await clusterLink(page, 'house').click()
    await shown(page.getByRole('heading', { name: 'Tasks', exact: true }))
    assert.equal(await hashOf(page), '#/tasks')
    assert.equal(await page.locator(`tr[data-task="${taskId}"]`).count(), 0)
    await page.goBack()
    await shown(page.locator('.detail-head [data-state="succeeded"]'))
    assert.deepEqual(problems, [])
  })

  it('shows nothing of a cluster that is not shown any more, whichever answer is late', async () => {
    const { page, problems } = await visit(await linkNow(both))
    await shown(nodeRow(page, 'north'))
    await shown(clusterLink(page, 'partners'))
    const old = await hold(page, '/v1/nodes')
    const next = await hold(page, '/clusters/partners/v1/nodes')
    // The page asks for the nodes again every few seconds.
    await old.asked
    await clusterLink(page, 'partners').click()
    // That the first has not answered yet does not keep the second waiting.
    await next.asked
    await shown(page.getByText('Reading the mesh…'))
    assert.equal(await page.locator('tr[data-peer]').count(), 0)
    await next.release()
    await shown(nodeRow(page, 'south'))
    await old.release()
    await page.evaluate(() => new Promise<void>((then) => requestAnimationFrame(() => requestAnimationFrame(then))))
    assert.equal(await nodeRow(page, 'north').count(), 0)
    assert.equal(await nodeRow(page, 'south').count(), 1)
    assert.deepEqual(problems, [])
  })

  it('lists both with what they have of this machine, and whether they agreed to one policy', async () => {
    const { page, problems } = await visit(await linkNow(both, '/clusters/partners/'))
    const rows = page.getByRole('table', { name: 'Clusters' })
    const house = rows.locator('tr[data-cluster="house"]')
    await shown(house.getByText('the same in partners'))
    await shown(rows.locator('tr[data-cluster="partners"]').getByText('the same in house'))
    await shown(house.locator('[data-state="ready"]'))
    await shown(house.getByText('0 cores, 0 B'))
    await shown(rows.locator('tr[data-cluster="partners"]').getByText('shown'))
    await shown(page.locator('.identity').getByText('treaty, version 1'))
    await house.getByRole('link', { name: 'house' }).click()
    await shown(nodeRow(page, 'north'))
    assert.equal(await hashOf(page), '#/')
    assert.deepEqual(problems, [])
  })

  it('says in red why it is out of a cluster, and leads back from there', async () => {
    const { page, problems } = await visit(await linkNow(both))
    const row = page.getByRole('table', { name: 'Clusters' }).locator('tr[data-cluster="broken"]')
    await shown(row.locator('.state-cell .bad').getByText('out'))
    const why = (await row.locator('.sub.bad').textContent({ timeout: DEADLINE_MS })) ?? ''
    assert.match(why, /place\.json cannot be read: cluster: /)
    for (const red of await row.locator('.bad').all()) assert.ok(await isRed(red, 'color'))
    assert.ok(!(await isRed(row, 'color')))
    await clusterLink(page, 'broken').click()
    await shown(page.getByText('Not in cluster broken now.'))
    await shown(page.locator('main').getByText(why))
    assert.equal(await page.locator('.identity, tr[data-peer]').count(), 0)
    await page.getByRole('link', { name: 'Show house' }).click()
    await shown(nodeRow(page, 'north'))
    assert.deepEqual(
      problems.filter((text) => !text.includes('409')),
      [],
    )
  })

  it('says in red that the policy of a network cannot be used, and that settings were given up', async () => {
    const { page, problems } = await visit('about:blank')
    await page.route(
      ({ pathname }) => pathname === '/v1/status',
      async (route) => {
        const response = await route.fetch()
        const { governance, ...status } = (await response.json()) as StatusView
        const networkPolicy = { name: 'treaty', version: 1, unusable: 'no such function' }
        const configuration = { version: 2, stage: 'rolled-back', canaries: 2, of: 8 }
        const decided = { ...governance, networkPolicy, configuration }
        await route.fulfill({ response, json: { ...status, governance: decided } })
      },
    )
    await page.goto(await linkNow(both))
    for (const text of [
      'treaty, version 1: cannot be used, everything is refused',
      'version 2, tried by 2 of 8 nodes: given up',
    ]) {
      const told = page.getByText(text)
      await shown(told)
      assert.ok(await isRed(told, 'color'), text)
    }
    assert.deepEqual(problems, [])
  })

  it('tells what was said in the cluster that did not get the task, and leads to its nodes', async () => {
    const { taskIds, cluster } = await submit(both, 'house', 'partners')
    const other = cluster === 'house' ? 'partners' : 'house'
    const { page, problems } = await visit(await linkNow(both, `/clusters/${cluster}/tasks/${taskIds[0]}`))
    const said = page.getByRole('region', { name: `In cluster ${other}` })
    await shown(said.getByText('which was asked too: room for 1 task'))
    await said
      .locator('.entry.bid')
      .getByRole('link', { name: other === 'partners' ? 'south' : 'north' })
      .click()
    await shown(page.getByRole('heading', { name: 'Hardware' }))
    assert.match(await hashOf(page), new RegExp(`^#/clusters/${other}/nodes/`))
    assert.deepEqual(problems, [])
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`fits 390 px without scrolling sideways, in ${colorScheme}`, async () => {
      const phone = { viewport: { width: 390, height: 844 }, colorScheme }
      for (const view of ['/', '/clusters/partners/', '/clusters/partners/map']) {
        const { page, problems } = await visit(await linkNow(both, view), phone)
        await shown(clusterLink(page, 'partners'))
        await shown(page.locator('main h2').first())
        assert.equal(await overflowOf(page), 0, view)
        assert.deepEqual(problems, [], view)
      }
    })
  }

  it('says that a cluster was left, leads back to the first, and shows it again once it is joined again', async () => {
    await submit(both, 'partners')
    const { page, problems } = await visit(await linkNow(both, '/clusters/partners/tasks'))
    await live(page)
    await shown(page.locator('tr[data-task]').first())
    await done(both.cli('leave', '--in', 'partners'))
    await shown(page.getByText('Not in cluster partners now.'))
    await shown(page.getByText('this daemon is in no cluster partners'))
    assert.equal(await page.locator('tr[data-task], .identity').count(), 0)
    await page.getByRole('link', { name: 'Show house' }).click()
    await live(page)
    await shown(page.getByRole('heading', { name: 'Tasks', exact: true }))
    await gone(clusterLink(page, 'partners'))
    assert.equal(await hashOf(page), '#/tasks')
    await done(both.cli('join', '--beside', (await invite(south)).ticket))
    await shown(clusterLink(page, 'partners'))
    await page.goBack()
    await live(page)
    // As if somebody else had done both while the page was open.
    await done(both.cli('leave', '--in', 'partners'))
    await shown(page.getByText('Not in cluster partners now.'))
    await done(both.cli('join', '--beside', (await invite(south)).ticket))
    await live(page)
    const [taskId] = (await submit(both, 'partners')).taskIds
    await shown(page.locator(`tr[data-task="${taskId}"]`))
    // The browser itself reports what was asked of the cluster that was left; nothing else may be there.
    assert.deepEqual(
      problems.filter((text) => !text.includes('404')),
      [],
    )
  })
})
