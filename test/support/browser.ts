/** A real Chromium for tests of the status page, without a download: what the machine has. */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Nothing but the page under test: no sandbox (tests may run as root), and no calls home. */
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Where a Chromium is, if there is one. `ALTHING_CHROMIUM` names one that is elsewhere. */
export function findChromium(): string | undefined {
  const named = process.env['ALTHING_CHROMIUM']
  return [...(named === undefined ? [] : [named]), ...PLACES].find((path) => existsSync(path))
}

/** Starts it. The caller closes it. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGS, headless: true })
}

/** A page in a browser profile of its own, and what went wrong in it. */
export interface WatchedPage {
  readonly page: Page
  /** Console errors and warnings, uncaught exceptions: also what the CSP refused. Grows while the page is open. */
  readonly problems: readonly string[]
  close(): Promise<void>
}

/** Opens a page that remembers every complaint of the browser. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text())
  })
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message))
  await page.goto(url)
  return { page, problems, close: () => context.close() }
}
