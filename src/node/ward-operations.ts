/** What the local API can ask of wards: which there are, the nodes of one, and what only another one knows. */
import { newestByWard } from '../mesh/wards/digests.ts'
import { isSilent } from '../mesh/wards/ask.ts'
import { contains, nameOf, wardOf } from '../mesh/wards/ward.ts'
import { isIn } from '../mesh/wards/held.ts'
import type { FoundView, NodeView } from '../model/api.ts'
import { isWardName, WARD_LIMITS } from '../model/ward.ts'
import type { WardNodesView, WardsView } from '../model/ward-view.ts'
import type { DaemonParts } from './daemon-state.ts'
import { nodeOf } from './find-node.ts'
import { OperationError } from './operations.ts'
import { foundView, nodeViews } from './views.ts'

/** `GET /v1/wards`. */
export function wardsOf({ mesh, clock }: DaemonParts): WardsView {
  const { at, move } = mesh.wards
  const nowMs = clock.nowMs()
  const wards = [...newestByWard(mesh.wards)].map(([ward, { body, bornMs, members }]) => ({
    ward,
    own: ward === nameOf(at),
    members,
    ready: body.ready,
    free: body.free,
    drivers: body.drivers,
    ageMs: Math.max(0, Math.round(nowMs - bornMs)),
    silent: isSilent(mesh, ward, nowMs),
  }))
  return {
    ward: nameOf(at),
    ...(move && { movingTo: nameOf(move.to) }),
    wards: wards.toSorted((a, b) => (a.ward < b.ward ? -1 : 1)),
  }
}

/** The nodes of a ward: of another one they are asked for. @throws OperationError `not-found` */
export async function nodesOfWard(
  parts: DaemonParts,
  ward: string,
  query: { readonly selector?: string },
): Promise<WardNodesView> {
  const { mesh, clock, wardQueries } = parts
  const asked = isWardName(ward) ? wardOf(ward) : undefined
  if (asked === undefined || ![...newestByWard(mesh.wards).keys(), nameOf(mesh.wards.at)].includes(ward))
    throw new OperationError('not-found', `no ward ${ward} is known`, { fix: '`althing wards` lists them' })
  const isOwn = contains(mesh.wards.at, asked)
  const told = isOwn ? 'told' : await wardQueries.askAll(ward, query.selector)
  const nodes = nodeViews(mesh, clock.nowMs(), { ...query, guests: true })
  return {
    ward,
    told: told === 'told' ? 'all' : told,
    nodes: nodes.filter(({ peerId }) => isIn(mesh, asked, peerId)),
  }
}

/** Who offers a capability: in this ward, and in those whose digests may name it. */
export async function findEverywhere(
  parts: DaemonParts,
  capability: string,
  selector: string | undefined,
): Promise<FoundView> {
  const { mesh, clock, wardQueries } = parts
  const silent =
    mesh.wards.at === undefined
      ? []
      : await wardQueries.askHolders(capability, {
          capability,
          ...(selector !== undefined && { selector }),
          most: WARD_LIMITS.page,
        })
  const found = foundView(mesh, clock.nowMs(), capability, selector)
  return {
    ...found,
    reasons: [...found.reasons, ...silent.map((ward) => `ward ${ward}: may know one, does not answer`)],
  }
}

/** A node by name or peer id: one that is not known here is asked for. @throws OperationError as `nodeOf` */
export async function nodeAnywhere(parts: DaemonParts, idOrName: string): Promise<NodeView> {
  if (parts.mesh.wards.at === undefined) return nodeOf(parts, idOrName)
  try {
    return nodeOf(parts, idOrName)
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'not-found') throw error
    await parts.wardQueries.askHolders(idOrName, { name: idOrName.slice(0, 253), most: WARD_LIMITS.page })
    return nodeOf(parts, idOrName)
  }
}
