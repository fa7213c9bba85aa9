/** The status page in a real browser, served by real daemons. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'
import type { JobAccepted, TaskView } from '../../src/model/api.ts'
import type { JobRequest } from '../../src/model/job-request.ts'
import { done, startClosed } from '../support/cluster.ts'
import { eventually, freshDataDir, startDaemon, stopAll, type TestDaemon } from '../support/daemon.ts'
import { makeCertificate, writeCertificate } from '../support/certificate.ts'
import { ask } from '../support/http.ts'
import {
  colourOf,
  DEADLINE_MS,
  gone,
  isRed,
  linkNow,
  linkTo,
  live,
  overflowOf,
  shown,
  withBrowser,
} from '../support/page.ts'

// What of the browser's world the functions below use; they run there, not here.
declare const document: {
  readonly activeElement: BrowserElement | null
}
declare const sessionStorage: { getItem(name: string): string | null }
declare const location: { readonly href: string }
declare function getComputedStyle(element: BrowserElement, pseudo?: string): { readonly outlineStyle: string }
interface BrowserElement {
  readonly tagName: string
  readonly textContent: string | null
  getAttribute(name: string): string | null
}

/** Submits a job over the daemon's socket. @returns the first task's id */
async function submit(daemon: TestDaemon, spec: Partial<JobRequest['spec']> & { command: string[] }): Promise<string> {
  const answer = await ask({
    socketPath: daemon.socketPath,
    method: 'POST',
    path: '/v1/jobs',
    headers: { host: 'localhost', 'content-type': 'application/json' },
    body: JSON.stringify({ spec }),
  })
  assert.equal(answer.status, 201, answer.text)
  const [taskId] = answer.json<JobAccepted>().taskIds
  assert.ok(taskId !== undefined)
  return taskId
}

/** Submits a job as the page would, with its token. @returns the ids of its tasks. Runs in the browser. */
async function submitFromPage(): Promise<string[]> {
  const answer = await fetch('/v1/jobs', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${sessionStorage.getItem('althing-token')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ spec: { command: ['true'] } }),
  })
  return ((await answer.json()) as { taskIds: string[] }).taskIds
}

describe('status page', function () {
  this.timeout(90_000)
  const visit = withBrowser()
  let daemon: TestDaemon

  before(async () => (daemon = await startDaemon({ name: 'first', page: true })))
  after(stopAll)

  it('asks for the token when opened without one, says when it is wrong, and takes the whole link', async () => {
    const { page, problems } = await visit(daemon.pageUrl.replace(/#.*$/, ''))
    const field = page.getByLabel('paste the token')
    await shown(field)
    await shown(page.getByText('althing status'))
    assert.equal(problems.length, 0, problems.join('\n'))
    await field.fill('wrong')
    await field.press('Enter')
    await shown(page.getByRole('alert').filter({ hasText: 'did not accept' }))
    await field.fill(linkTo(daemon))
    await page.getByRole('button', { name: 'Open' }).click()
    await live(page)
    // The browser itself reports the refused request; nothing else may be there.
    assert.deepEqual(
      problems.filter((text) => !text.includes('401')),
      [],
    )
  })

  it('takes the token out of the address, and keeps it for this tab', async () => {
    const { page, problems } = await visit(linkTo(daemon, '/tasks'))
    await live(page)
    assert.equal(await page.evaluate(() => location.href), `${new URL('/', daemon.pageUrl).href}#/tasks`)
    await page.reload()
    await live(page)
    await shown(page.getByRole('heading', { name: 'Tasks', exact: true }))
    assert.deepEqual(problems, [])
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`is red for the eye where tasks of anybody run, by up --open and init --open, in ${colorScheme}`, async () => {
      const banner = (page: Page) => page.getByRole('alert').filter({ hasText: 'Open: runs tasks of anyone' })
      const isShownRed = async (page: Page) => {
        await shown(banner(page))
        assert.ok(await isRed(banner(page), 'backgroundColor'))
        assert.deepEqual(await colourOf(banner(page), 'color'), [255, 255, 255])
        const { x, width } = (await banner(page).boundingBox())!
        assert.deepEqual([x, width], [0, 1_280], 'across the whole window')
      }
      await isShownRed((await visit(linkTo(daemon), { colorScheme })).page)
      const founder = await startClosed('founder', { page: true })
      const before = await visit(linkTo(founder), { colorScheme })
      await live(before.page)
      assert.equal(await banner(before.page).count(), 0)
      await before.close()
      await done(founder.cli('init', 'play', '--owner', 'ann', '--open'))
      const { page, problems } = await visit(await linkNow(founder), { colorScheme })
      await isShownRed(page)
      assert.deepEqual(problems, [])
      await founder.stop()
    })
  }

  it('says that the daemon is open, and how to go on when there is nothing yet', async () => {
    const { page, problems } = await visit(linkTo(daemon))
    const banner = page.getByRole('alert').filter({ hasText: 'Open: runs tasks of anyone who connects' })
    await shown(banner)
    const command = await page
      .locator('.command code')
      .filter({ hasText: 'althing up --cluster test --join' })
      .textContent({ timeout: DEADLINE_MS })
    assert.ok(
      daemon.status.addresses.some((address) => command === `althing up --cluster test --join ${address}`),
      `no address of the daemon: ${command}`,
    )
    await shown(page.getByText('althing run -- true'))
    assert.deepEqual(problems, [])
  })

  it('names the policy in force as soon as there is one', async () => {
    const { page, problems } = await visit(linkTo(daemon))
    await live(page)
    assert.equal(await page.getByText('Policy', { exact: true }).count(), 0)
    const file = fileURLToPath(new URL('../../config/examples/policy.yaml', import.meta.url))
    assert.equal((await daemon.cli('policy', 'apply', file)).code, 0)
    await shown(page.getByText('attic, 6 rules'))
    assert.equal((await daemon.cli('policy', 'remove')).code, 0)
    await gone(page.getByText('attic, 6 rules'))
    assert.deepEqual(problems, [])
  })

  it('shows that a node is cordoned, by whom and why, as soon as it is, and no longer', async () => {
    const { page, problems } = await visit(linkTo(daemon))
    await live(page)
    assert.equal((await daemon.cli('cordon', '--reason', 'new disk')).code, 0)
    const row = page.getByRole('row').filter({ hasText: 'first' })
    await shown(row.getByText('cordoned'))
    await row.getByRole('link', { name: 'first' }).click()
    await shown(page.getByText(/^by \S+: new disk$/))
    assert.equal((await daemon.cli('uncordon')).code, 0)
    await gone(page.getByText(/^by \S+: new disk$/))
    assert.deepEqual(problems, [])
  })

  it('shows nodes as they join and leave, without a reload', async () => {
    const { page, problems } = await visit(linkTo(daemon))
    await live(page)
    await shown(page.locator(`tr[data-peer="${daemon.status.peerId}"]`))
    assert.equal(await page.locator('tr[data-peer]').count(), 1)
    let loads = 0
    page.on('load', () => loads++)
    const second = await startDaemon({ name: 'second', join: [daemon.address] })
    const row = page.locator(`tr[data-peer="${second.status.peerId}"]`)
    await shown(row.locator('[data-state="ready"]'))
    await gone(page.getByText('althing up --cluster test --join'))
    await page.getByRole('searchbox').fill('second')
    await gone(page.locator(`tr[data-peer="${daemon.status.peerId}"]`))
    await row.getByRole('link', { name: 'second' }).click()
    await shown(page.getByRole('heading', { name: 'second' }))
    await shown(page.getByText('kubernetes.io/arch='))
    assert.match(await page.evaluate(() => location.href), new RegExp(`#/nodes/${second.status.peerId}$`))
    await second.stop()
    // Until its lease lapses, 30 s after its last heartbeat.
    await shown(page.locator('.detail-head [data-state="offline"]'), 50_000)
    assert.equal(loads, 0)
    assert.deepEqual(problems, [])
  })

  it('streams the log of a running task, tells stderr from stdout, strips colours, and ends', async () => {
    const flag = join(freshDataDir(), 'go')
    const speak = String.raw`printf '\033[31mone\033[0m\n'; echo two >&2`
    const script = `${speak}; until [ -e "$FLAG" ]; do sleep 0.05; done; echo three`
    const { page, problems } = await visit(linkTo(daemon, '/tasks'))
    await live(page)
    const taskId = await submit(daemon, { command: ['sh', '-c', script], env: { FLAG: flag } })
    await page.locator(`tr[data-task="${taskId}"]`).getByRole('link').first().click()
    const lines = page.locator('.log-line')
    await shown(page.locator('.log-line.stdout').getByText('one', { exact: true }))
    await shown(page.locator('.log-line.stderr').getByText('two', { exact: true }))
    await shown(page.locator('.detail-head [data-state="running"]'))
    assert.equal(await lines.count(), 2)
    assert.equal(existsSync(flag), false)
    writeFileSync(flag, '')
    await shown(lines.getByText('three', { exact: true }))
    await shown(page.locator('.detail-head [data-state="succeeded"]'))
    await shown(page.locator('.log-phase.ended'))
    await page.getByRole('button', { name: 'stderr' }).click()
    await lines.getByText('one', { exact: true }).waitFor({ state: 'hidden', timeout: DEADLINE_MS })
    assert.deepEqual(problems, [])
  })

  it('keeps at most 5,000 lines, follows the end, and stands still once scrolled up', async () => {
    const flag = join(freshDataDir(), 'go')
    const script = 'seq 12000; until [ -e "$FLAG" ]; do sleep 0.05; done; echo more'
    const taskId = await submit(daemon, { command: ['sh', '-c', script], env: { FLAG: flag } })
    const { page, problems } = await visit(linkTo(daemon, `/tasks/${taskId}`))
    const box = page.getByRole('region', { name: 'Log output' })
    const last = page.locator('.log-line').last()
    await shown(last.getByText('12000', { exact: true }))
    assert.equal(await page.locator('.log-line').count(), 5000)
    await shown(page.getByText('7,000 older lines'))
    await box.hover()
    await page.mouse.wheel(0, -2000)
    const follow = page.getByRole('button', { name: 'Follow' })
    await shown(follow)
    writeFileSync(flag, '')
    await last.getByText('more', { exact: true }).waitFor({ state: 'attached', timeout: DEADLINE_MS })
    assert.equal(await isAtEnd(box), false)
    await page.getByRole('button', { name: /Follow|To the end/ }).click()
    assert.equal(await isAtEnd(box), true)
    assert.deepEqual(problems, [])
  })

  it('tells the story: bids with their terms, award, contract, declines with what was wanted', async () => {
    const taskId = await submit(daemon, { command: ['true'] })
    const { page, problems } = await visit(linkTo(daemon, `/tasks/${taskId}`))
    const story = page.locator('.bargaining')
    await shown(story.locator('.entry.offered'))
    await shown(story.locator('.entry.bid.won').getByText('chosen'))
    for (const term of ['fit', 'load', 'crowd', 'warm'])
      await shown(story.locator('.terms').getByText(term, { exact: true }).first())
    await shown(story.locator('.entry.awarded').getByRole('link', { name: 'first' }))
    await shown(story.locator('.entry.ended').getByText('exit 0'))
    const tooLarge = await submit(daemon, {
      command: ['true'],
      resources: { cpuMilli: 9_000_000, memoryBytes: 2 ** 20 },
    })
    await page.goto(linkTo(daemon, `/tasks/${tooLarge}`))
    await shown(page.locator('.waiting-note'))
    await shown(story.locator('.entry.declined, .entry.not-asked').first())
    await daemon.cli('cancel', tooLarge)
    await shown(page.locator('.detail-head [data-state="cancelled"]'))
    assert.deepEqual(problems, [])
  })

  it('cancels a task, but asks first', async () => {
    const taskId = await submit(daemon, { command: ['sleep', '600'] })
    const { page, problems } = await visit(linkTo(daemon, `/tasks/${taskId}`))
    await shown(page.locator('.detail-head [data-state="running"]'))
    const button = page.locator('.cancel').getByRole('button', { name: 'Cancel task' }).first()
    const dialog = page.getByRole('dialog')
    await button.click()
    await shown(dialog)
    await page.keyboard.press('Escape')
    await gone(dialog)
    assert.equal((await daemon.get<TaskView>(`/v1/tasks/${taskId}`)).state, 'running')
    await button.click()
    await dialog.getByRole('button', { name: 'Cancel task' }).click()
    await shown(page.locator('.detail-head [data-state="cancelled"]'))
    assert.equal((await daemon.get<TaskView>(`/v1/tasks/${taskId}`)).state, 'cancelled')
    assert.deepEqual(problems, [])
  })

  it('is reached by keyboard: every control in turn, each with a visible focus', async () => {
    await submit(daemon, { command: ['true'] })
    const { page, problems } = await visit(linkTo(daemon))
    await shown(page.locator('tr[data-task]').first())
    const names: string[] = []
    for (let press = 0; press < 12; press++) {
      await page.keyboard.press('Tab')
      const focused = await page.evaluate(() => {
        const element = document.activeElement
        if (element === null || element.tagName === 'BODY') return undefined
        // A row's link draws its ring around the whole row.
        const rings = [getComputedStyle(element).outlineStyle, getComputedStyle(element, '::after').outlineStyle]
        return {
          name: element.getAttribute('aria-label') ?? element.textContent ?? '',
          ring: rings.some((ring) => ring !== 'none'),
        }
      })
      if (focused === undefined) break
      names.push(focused.name.trim())
      assert.ok(focused.ring, `no visible focus on ${focused.name}`)
    }
    for (const wanted of [/^Skip to content/, /^Nodes/, /^Tasks/, /^Copy the peer id/, /^Filter nodes/, /^first/]) {
      assert.ok(
        names.some((name) => wanted.test(name)),
        `${wanted} is not among: ${names.join(' | ')}`,
      )
    }
    await page.locator('tr[data-peer] a.row-link').first().focus()
    await page.keyboard.press('Enter')
    await shown(page.getByRole('heading', { name: 'Hardware' }))
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN')
    assert.deepEqual(problems, [])
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`fits 390 px without scrolling sideways, in ${colorScheme}`, async () => {
      const taskId = await submit(daemon, { command: ['sh', '-c', `echo ${'wide'.repeat(200)}`] })
      const views = [
        '/',
        '/tasks',
        `/tasks/${taskId}`,
        `/nodes/${daemon.status.peerId}`,
        '/nodes/nobody',
        '/tasks/nothing',
      ]
      for (const view of views) {
        const { page, problems } = await visit(linkTo(daemon, view), {
          viewport: { width: 390, height: 844 },
          colorScheme,
        })
        await live(page)
        await shown(page.locator('main h2, main .hint-title').first())
        assert.equal(await overflowOf(page), 0, view)
        // Asking for a task that is not in the list is answered by 404, and the browser itself reports that, in time or
        // later; nothing else may be there.
        const unexpected = problems.filter((text) => view !== '/tasks/nothing' || !text.includes('404'))
        assert.deepEqual(unexpected, [], view)
      }
    })
  }

  it('says when the daemon is gone, and goes on by itself when it is back', async () => {
    const mortal = await startDaemon({ name: 'mortal', page: true, cluster: 'apart' })
    const { page } = await visit(linkTo(mortal))
    await live(page)
    await mortal.kill()
    await shown(page.locator('.connection.reconnecting').getByText('Reconnecting'))
    const { port } = new URL(mortal.pageUrl)
    await startDaemon({
      name: 'reborn',
      page: true,
      cluster: 'apart',
      dataDir: mortal.dataDir,
      args: ['--page-port', port],
    })
    await live(page)
    await shown(page.getByRole('heading', { name: 'reborn' }))
  })

  it('is shown to others by TLS, to a tenant with its own work alone', async () => {
    const dataDir = freshDataDir()
    const first = await startDaemon({ name: 'shared', dataDir })
    const made = await first.cli('token', 'create', '--name', 'a', '--role', 'submitter', '--tenant', 'team-a')
    await first.stop()
    const { certFile, keyFile } = writeCertificate(dataDir, makeCertificate(['localhost', '127.0.0.1']))
    const args = ['--api-listen', '127.0.0.1:0', '--tls-cert', certFile, '--tls-key', keyFile]
    const shared = await startDaemon({ name: 'shared', dataDir, args })
    const ofHost = await submit(shared, { command: ['sh', '-c', 'echo of the host'] })
    const link = `${shared.status.apiUrl}#token=${made.stdout.trim()}&/tasks`
    const { page, problems } = await visit(link, { ignoreHTTPSErrors: true })
    await live(page)
    const [ofTenant] = await page.evaluate(submitFromPage)
    assert.ok(ofTenant !== undefined)
    await shown(page.locator(`tr[data-task="${ofTenant}"]`))
    assert.equal(await page.locator(`tr[data-task="${ofHost}"]`).count(), 0)
    assert.deepEqual(problems, [])
  })

  it('is refused to other hosts, other origins, and without the token', async () => {
    const { host, port } = new URL(daemon.pageUrl)
    const call = (path: string, headers: Record<string, string>) =>
      ask({ port: Number(port), path, headers: { host, ...headers } })
    const token = { authorization: `Bearer ${daemon.token}` }
    await eventually('the API to answer', async () => (await call('/v1/status', token)).status === 200)
    assert.equal((await call('/v1/status', {})).status, 401)
    assert.equal((await call('/v1/status', { authorization: 'Bearer wrong' })).status, 401)
    assert.equal((await call(`/v1/status?token=${daemon.token}`, {})).status, 401)
    assert.equal((await call('/v1/status', { ...token, host: 'evil.example' })).status, 403)
    assert.equal((await call('/', { host: `evil.example:${port}` })).status, 403)
    assert.equal((await call('/v1/status', { ...token, origin: 'http://evil.example' })).status, 403)
    assert.equal((await call('/v1/status', { ...token, 'sec-fetch-site': 'cross-site' })).status, 403)
    const page = await call('/', {})
    assert.equal(page.status, 200)
    assert.equal(
      page.headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    assert.equal(page.headers['access-control-allow-origin'], undefined)
    assert.equal(page.headers['set-cookie'], undefined)
  })
})

/** The log is scrolled to its last line. */
function isAtEnd(box: Locator): Promise<boolean> {
  return box.evaluate((element) => {
    const { scrollHeight, scrollTop, clientHeight } = element as unknown as Record<
      'scrollHeight' | 'scrollTop' | 'clientHeight',
      number
    >
    return scrollHeight - scrollTop - clientHeight < 40
  })
}
