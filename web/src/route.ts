/** Where the page is, as its address says. */
import { computed, signal } from '@preact/signals'
import { parseRoute, pathIn, type Route } from './address.ts'

/** Where the page is. `followAddress` keeps it true. */
export const route = signal<Route>({ view: 'mesh' })
/** The cluster that is shown, unless it is the first. */
export const cluster = computed(() => route.value.cluster)

/** The address of a view of the cluster that is shown. */
export const pathTo = (view = '') => pathIn(cluster.value, view)
export const nodePath = (id: string, of = cluster.value) => pathIn(of, `nodes/${encodeURIComponent(id)}`)
export const taskPath = (id: string) => pathTo(`tasks/${encodeURIComponent(id)}`)

/**
 * Takes the token out of the address, then follows the address bar.
 * @param onToken called when a later fragment carries a token
 */
export function followAddress(takeToken: () => boolean, onToken: () => void): void {
  takeToken()
  route.value = parseRoute(location.hash)
  addEventListener('hashchange', () => {
    if (takeToken()) onToken()
    route.value = parseRoute(location.hash)
  })
}
