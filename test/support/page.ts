/** What tests of the status page are made of: a browser, its pages, what they wait for and where they find it. */
import type { Browser, Locator, Page } from 'playwright-core'
import type { StatusView } from '../../src/model/api.ts'
import { findChromium, launchChromium, openPage, type WatchedPage } from './browser.ts'
import type { TestDaemon } from './daemon.ts'
import { requireOrSkip } from './require.ts'

// What of the browser's world the functions below use; they run there, not here.
declare const document: { readonly documentElement: { readonly scrollWidth: number; readonly clientWidth: number } }
declare function getComputedStyle(element: unknown): Readonly<Record<'color' | 'backgroundColor', string>>

/** Opens an address; the page is closed with the test. */
export type Visit = (url: string, options?: Parameters<typeof openPage>[2]) => Promise<WatchedPage>

/** Says, before all else in a `describe`, that its tests need a browser: one for all of them, or they are skipped. */
export function withBrowser(): Visit {
  let browser: Browser | undefined
  const open: WatchedPage[] = []
  before(async function () {
    const path = findChromium()
    requireOrSkip(this, path !== undefined, 'needs a Chromium (or ALTHING_CHROMIUM naming one)')
    browser = await launchChromium(path!)
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((watched) => watched.close()))
  })
  after(() => browser?.close())
  return async (url, options = {}) => {
    const watched = await openPage(browser!, url, options)
    open.push(watched)
    return watched
  }
}

/** For what a page shows soon, on a machine that does much else. */
export const DEADLINE_MS = 20_000

/** The address of a view, with the token as `althing status` prints it. */
export function linkTo(daemon: Pick<TestDaemon, 'pageUrl' | 'token'>, view = ''): string {
  return `${new URL('/', daemon.pageUrl).href}#token=${daemon.token}${view === '' ? '' : `&${view}`}`
}

/** The same of a daemon that has moved since it started: its page moves with it. */
export async function linkNow(daemon: TestDaemon, view = ''): Promise<string> {
  const { pageUrl = '' } = await daemon.get<StatusView>('/v1/status')
  return linkTo({ pageUrl, token: daemon.token }, view)
}

/** Waits until it is there to be seen. */
export const shown = (locator: Locator, timeout = DEADLINE_MS): Promise<void> =>
  locator.waitFor({ state: 'visible', timeout })

/** Waits until it is there no more. */
export const gone = (locator: Locator): Promise<void> => locator.waitFor({ state: 'detached', timeout: DEADLINE_MS })

/** Waits until the page follows the daemon's events. */
export const live = (page: Page): Promise<void> => shown(page.locator('.connection.live'))

/** By how many pixels a page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

/** Red, green and blue of an element as the browser shows it, 0 to 255. */
export async function colourOf(locator: Locator, which: 'color' | 'backgroundColor'): Promise<number[]> {
  const shownAs = await locator.evaluate((element, name) => getComputedStyle(element)[name], which)
  const [red, green, blue, alpha = '1'] = shownAs.match(/[\d.]+/g) ?? []
  if (!shownAs.startsWith('rgb') || Number(alpha) !== 1) throw new Error(`no plain colour: ${shownAs}`)
  return [red, green, blue].map(Number)
}

/** Whether people would call it red. */
export async function isRed(locator: Locator, which: 'color' | 'backgroundColor'): Promise<boolean> {
  const [red, green, blue] = (await colourOf(locator, which)) as [number, number, number]
  return red > 150 && red > 1.5 * Math.max(green, blue)
}
