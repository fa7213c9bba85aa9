/** What probes and monitoring are told of a daemon as a whole: of all the clusters it is in. */
import type { ClusterPlaceView } from '../model/cluster-place.ts'
import type { Operations } from '../node/operations.ts'
import { messageOf } from '../util/errors.ts'

/** The checks of the first, and one for each cluster beside it. */
export function healthOfAll(operations: Operations): Record<string, string | undefined> {
  const beside = operations.clusters().filter(({ first }) => !first)
  const checks = beside.map((place) => [`cluster ${place.name}`, wrongWith(operations, place)] as const)
  return { ...operations.health(), ...Object.fromEntries(checks) }
}

function wrongWith(operations: Operations, { name, problem }: ClusterPlaceView): string | undefined {
  if (problem !== undefined) return problem
  try {
    return operations.within(name).health()['store']
  } catch (error) {
    // A tenant's list of clusters does not say which of them run.
    return messageOf(error)
  }
}

/** The samples of all that run. Which cluster one is of is said by a label, where there are several. */
export function metricsOfAll(operations: Operations): Record<string, number> {
  const places = operations.clusters()
  if (places.length === 1) return operations.metrics()
  const samples = places
    .filter(({ problem }) => problem === undefined)
    .flatMap(({ name, first }) => {
      const metrics = first ? operations.metrics() : operations.within(name).metrics()
      return Object.entries(metrics).map(([sample, value]) => [labelled(sample, name), value] as const)
    })
  return Object.fromEntries(samples)
}

function labelled(sample: string, cluster: string): string {
  const label = `cluster="${cluster}"`
  return sample.includes('{') ? sample.replace('{', `{${label},`) : `${sample}{${label}}`
}
