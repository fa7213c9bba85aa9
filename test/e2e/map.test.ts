/** The map of the status page in a real browser: three zones of real daemons. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, stopAll } from '../support/daemon.ts'
import { linkTo, overflowOf, shown, withBrowser } from '../support/page.ts'

declare const document: {
  readonly activeElement: { getAttribute(name: string): string | null } | null
}

describe('map of the status page', function () {
  this.timeout(90_000)
  const visit = withBrowser()
  after(stopAll)

  it('shows zones and nodes as they come, for keyboards, readers and narrow screens', async () => {
    const zoned = (zone: string) => ({ args: ['--label', `zone=${zone}`] })
    const first = await startDaemon({ name: 'first', page: true, ...zoned('attic') })
    const link = linkTo(first, '/map')
    const wide = await visit(link)
    const { page } = wide
    await shown(page.locator('.zone[data-zone="attic"] circle'))
    assert.equal(await page.locator('.dot').count(), 1)
    let loads = 0
    page.on('load', () => loads++)

    const joining = ['barn', 'cellar'].map((name) => startDaemon({ name, join: [first.address], ...zoned(name) }))
    const [barn] = await Promise.all(joining)
    for (const zone of ['barn', 'cellar']) await shown(page.locator(`.zone[data-zone="${zone}"] circle`))
    // A line that lies flat has no height, and counts as hidden.
    await page.locator('.way').nth(1).waitFor({ state: 'attached', timeout: 20_000 })
    assert.equal(loads, 0, 'without a reload')
    assert.equal(await page.locator('.dot').count(), 3)
    const picture = page.getByRole('group', { name: /Map of zones.*attic: 1 node, barn: 1 node, cellar: 1 node/ })
    await shown(picture)
    const dot = page.locator(`.dot[data-peer="${barn!.status.peerId}"]`)
    assert.match((await dot.getAttribute('aria-label')) ?? '', /^barn, zone barn, [\d.]+ ms, (ready|joining)$/)
    const row = page.locator(`tr[data-place="${barn!.status.peerId}"]`)
    assert.match((await row.textContent()) ?? '', /barn.*Ready.*barn[\d.]+ msmeasured/i)

    // By keyboard alone: each dot is a link of its own.
    await dot.focus()
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute('href')),
      await dot.getAttribute('href'),
    )
    await page.keyboard.press('Enter')
    await shown(page.getByRole('heading', { name: 'barn' }))

    const dir = process.env['ALTHING_SCREENSHOTS']
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1_280, 390]) {
        const narrow = await visit(link, { viewport: { width, height: 800 }, colorScheme })
        await shown(narrow.page.locator('.dot').nth(2))
        assert.equal(await overflowOf(narrow.page), 0, `at ${width} px`)
        for (const text of await narrow.page.locator('.dot text').all()) {
          const box = (await text.boundingBox())!
          assert.ok(box.height >= 12 && box.x >= 0 && box.x + box.width <= width, JSON.stringify(box))
        }
        if (dir !== undefined) {
          const shot = await narrow.page.screenshot({ fullPage: true })
          writeFileSync(join(dir, `map-${colorScheme}-${width}.png`), shot)
        }
        assert.deepEqual(narrow.problems, [])
      }
    }
    assert.deepEqual(wide.problems, [])
  })
})
