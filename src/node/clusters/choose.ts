/**
 * One of several clusters for a job. Each is asked who would take it, as for a job that is to run; it then goes where
 * most of its tasks have a place, and of equals where the best bid is. What the others said is kept with it, so that
 * `why` can tell which rule refused elsewhere.
 */
import type { JobAccepted } from '../../model/api.ts'
import type { JobRequest } from '../../model/job-request.ts'
import type { ElsewhereStory, QuoteView } from '../../model/why-view.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type Operations } from '../operations.ts'
import { submitJob } from '../task-operations.ts'

/** A cluster and what it said. */
interface Asked {
  readonly name: string
  readonly operations: Operations
  readonly quote: QuoteView
  /** It has no such node, for one: what it would have said to the job itself. */
  readonly refusal?: OperationError
}

/** See `Operations.submit`. @throws OperationError `not-found`, `conflict` for a cluster that is none */
export async function submitWhere(
  parts: DaemonParts,
  { clusters, ...request }: JobRequest,
  tenant?: string,
  elsewhere?: readonly ElsewhereStory[],
): Promise<JobAccepted> {
  if (clusters === undefined) return submitJob(parts, request, tenant, elsewhere)
  const places = [...new Set(clusters)].map((name) => ({ name, operations: parts.clusters.within(name) }))
  const asked = await Promise.all(
    places.map(async (place): Promise<Asked> => ({ ...place, ...(await quoteOf(place.operations, request)) })),
  )
  const chosen = bestOf(asked)
  if (chosen.refusal !== undefined) throw chosen.refusal
  await bringInput(parts, request, chosen.operations)
  const others = asked.filter((one) => one !== chosen)
  const said = others.map(({ name, quote: { slots, story } }) => ({ cluster: name, slots: Math.max(0, slots), story }))
  return { ...(await chosen.operations.submit(request, tenant, said)), cluster: chosen.name }
}

/** A cluster that would not take such a job at all does not keep the others from being asked. */
async function quoteOf(operations: Operations, request: JobRequest): Promise<Pick<Asked, 'quote' | 'refusal'>> {
  try {
    return { quote: await operations.quote(request) }
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    return { quote: { slots: -1, bestScore: 0, story: [] }, refusal: error }
  }
}

/** The best, of equals the one that was named first. */
export function bestOf<One extends { readonly quote: QuoteView }>(asked: readonly One[]): One {
  return asked.toSorted((a, b) => compare(b.quote, a.quote))[0]!
}

function compare(a: QuoteView, b: QuoteView): number {
  return a.slots - b.slots || a.bestScore - b.bestScore || Number(mayHaveRoom(a)) - Number(mayHaveRoom(b))
}

/** Nobody bids, but somebody may later: it was room that was lacking, not leave. */
function mayHaveRoom({ story }: QuoteView): boolean {
  return story.some((line) => line.kind === 'declined' && line.reasons.every(({ temporary }) => temporary))
}

/** Each cluster has bundles of its own: what was uploaded here is not for the members of all of them. */
async function bringInput({ bundles }: DaemonParts, { spec }: JobRequest, to: Operations): Promise<void> {
  if (spec.input !== undefined && bundles.has(spec.input.sha256)) await to.addBundle(bundles.read(spec.input.sha256))
}
