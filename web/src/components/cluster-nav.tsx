/** Which of the clusters of this daemon is shown, and the way to the others. */
import { counterpart } from '../address.ts'
import { isShown } from '../clusters.ts'
import { cluster, route } from '../route.ts'
import { clusters, lost } from '../store.ts'
import { Empty } from './facts.tsx'

/** One link a cluster, to the same view of it; nothing when there is only one. */
export function ClusterNav() {
  if (clusters.value.length < 2) return null
  return (
    <nav class="cluster-nav" aria-label="Clusters">
      <span class="muted" aria-hidden="true">
        Clusters
      </span>
      {clusters.value.map((place) => (
        <a
          key={place.name}
          href={counterpart(route.value, place.first ? undefined : place.name)}
          aria-current={isShown(place, cluster.value) ? 'true' : undefined}
        >
          {place.name}
          {place.problem !== undefined && <span class="bad"> out</span>}
        </a>
      ))}
    </nav>
  )
}

/** In place of a view, when the cluster cannot be shown. */
export function LostCluster() {
  const first = clusters.value.find((place) => place.first)
  return (
    <Empty title={`Not in cluster ${cluster.value} now.`}>
      <p class="muted">{lost.value}</p>
      <a class="button" href={counterpart(route.value, undefined)}>
        Show {first?.name ?? 'the first cluster'}
      </a>
    </Empty>
  )
}
