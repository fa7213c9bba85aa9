/** Where the page is, from the address's fragment: every view has an address of its own. */
import { signal } from '@preact/signals'

export type Route =
  | { readonly view: 'mesh' }
  | { readonly view: 'map' }
  | { readonly view: 'tasks' }
  | { readonly view: 'node'; readonly id: string }
  | { readonly view: 'task'; readonly id: string }

/** Reads a fragment; what it does not know leads to the first view. */
export function parseRoute(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, '').split('/', 2)
  if (view === 'tasks') return id ? { view: 'task', id: decode(id) } : { view: 'tasks' }
  if (view === 'nodes' && id) return { view: 'node', id: decode(id) }
  return { view: view === 'map' ? 'map' : 'mesh' }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const nodePath = (id: string) => `#/nodes/${encodeURIComponent(id)}`
export const taskPath = (id: string) => `#/tasks/${encodeURIComponent(id)}`

export const route = signal<Route>(parseRoute(location.hash))

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
