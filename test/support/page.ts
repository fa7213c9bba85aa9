/** What tests of the status page wait for, and where they find it. */
import type { Locator, Page } from 'playwright-core'
import type { TestDaemon } from './daemon.ts'

/** For what a page shows soon, on a machine that does much else. */
export const DEADLINE_MS = 20_000

/** The address of a view, with the token as `althing status` prints it. */
export function linkTo(daemon: Pick<TestDaemon, 'pageUrl' | 'token'>, view = ''): string {
  return `${new URL('/', daemon.pageUrl).href}#token=${daemon.token}${view === '' ? '' : `&${view}`}`
}

/** Waits until it is there to be seen. */
export const shown = (locator: Locator, timeout = DEADLINE_MS): Promise<void> =>
  locator.waitFor({ state: 'visible', timeout })

/** Waits until it is there no more. */
export const gone = (locator: Locator): Promise<void> => locator.waitFor({ state: 'detached', timeout: DEADLINE_MS })

/** Waits until the page follows the daemon's events. */
export const live = (page: Page): Promise<void> => shown(page.locator('.connection.live'))
