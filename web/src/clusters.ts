/** What the page makes of the clusters that the daemon is in. Pure, so that it is tested without a browser. */
import type { ClusterPlaceView } from '../../src/model/cluster-place.ts'

/** Other clusters whose admins signed the same policy of a network: the same text, by its hash. */
export function agreedIn({ name, networkPolicy }: ClusterPlaceView, all: readonly ClusterPlaceView[]): string[] {
  const same = all.filter((other) => other.name !== name && other.networkPolicy?.sha256 === networkPolicy?.sha256)
  return networkPolicy === undefined ? [] : same.map((other) => other.name)
}

/** Whether a cluster is the one that is shown. */
export function isShown({ name, first }: ClusterPlaceView, cluster: string | undefined): boolean {
  return cluster === undefined ? first : name === cluster
}

/** A command line that is about the cluster that is shown. */
export function commandIn(cluster: string | undefined, command: string, words = ''): string {
  return ['althing', command, cluster === undefined ? '' : `--in ${cluster}`, words].filter(Boolean).join(' ')
}
