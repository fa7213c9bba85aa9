/** What probes and monitoring are told of a daemon as a whole: of all the clusters it is in. */
import { OperationError, type Operations } from '../node/operations.ts'

/** The checks of the first, and one for each cluster beside it. */
export function healthOfAll(operations: Operations): Record<string, string | undefined> {
  const [, ...beside] = operations.clusterNames()
  const checks = beside.map((name) => [`cluster ${name}`, storeOf(operations, name)] as const)
  return { ...operations.health(), ...Object.fromEntries(checks) }
}

/** What keeps a cluster from working, its mesh aside; undefined when it is well. */
function storeOf(operations: Operations, name: string): string | undefined {
  const within = withinOrWhyNot(operations, name)
  return within instanceof OperationError ? within.message : within.health()['store']
}

/** The samples of all that run. Which cluster one is of is said by a label, where there are several. */
export function metricsOfAll(operations: Operations): Record<string, number> {
  const [first, ...beside] = operations.clusterNames()
  if (beside.length === 0) return operations.metrics()
  const samples = beside.flatMap((name) => {
    const within = withinOrWhyNot(operations, name)
    return within instanceof OperationError ? [] : labelled(within.metrics(), name)
  })
  return Object.fromEntries([...labelled(operations.metrics(), first!), ...samples])
}

function withinOrWhyNot(operations: Operations, name: string): Operations | OperationError {
  try {
    return operations.within(name)
  } catch (error) {
    if (error instanceof OperationError) return error
    throw error
  }
}

function labelled(metrics: Record<string, number>, cluster: string): (readonly [string, number])[] {
  const label = `cluster="${cluster}"`
  return Object.entries(metrics).map(([sample, value]) => [
    sample.includes('{') ? sample.replace('{', `{${label},`) : `${sample}{${label}}`,
    value,
  ])
}
