/**
 * Fragments of the page's address: every view has one of its own, in each cluster that the daemon is in. As in the API,
 * what is about another cluster than the first begins with `/clusters/NAME`. Pure, so that it is tested without a
 * browser.
 */
type View = { readonly view: 'mesh' | 'map' | 'tasks' } | { readonly view: 'node' | 'task'; readonly id: string }

/** A view, and the cluster that it shows; without one it is the daemon's first. */
export type Route = View & { readonly cluster?: string }

/** Reads a fragment; what it does not know leads to the first view. */
export function parseRoute(hash: string): Route {
  const words = hash.replace(/^#\/?/, '').split('/')
  if (words[0] !== 'clusters' || !words[1]) return parseView(words)
  return { ...parseView(words.slice(2)), cluster: decode(words[1]) }
}

function parseView([view, id]: readonly string[]): View {
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

/** The address of a view of a cluster, the first if none is named. */
export function pathIn(cluster: string | undefined, view = ''): string {
  return cluster === undefined ? `#/${view}` : `#/clusters/${encodeURIComponent(cluster)}/${view}`
}

/** The same view of another cluster; of what is in this one alone, the list of its kind. */
export function counterpart({ view }: Route, cluster: string | undefined): string {
  const lists = { mesh: '', node: '', map: 'map', tasks: 'tasks', task: 'tasks' }
  return pathIn(cluster, lists[view])
}
