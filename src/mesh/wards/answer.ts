/** Answering others: with the digests that are held here, and with the nodes of this ward that fit a question. */
import { countFitting } from '../../model/resources.ts'
import { matchesSelector, parseSelector } from '../../model/selector.ts'
import type { SyncWant } from '../../model/sync.ts'
import { WARD_LIMITS, type WardAsk, type WardQuestion, type WardTold } from '../../model/ward.ts'
import type { NodeId } from '../../negotiation/types.ts'
import { nodes, supply, type KnownNode } from '../../registry/registry.ts'
import { hashOf } from '../../topology/watchers.ts'
import type { Rng } from '../../util/rng.ts'
import type { MeshState, StepContext } from '../types.ts'
import { newestByWard } from './digests.ts'
import { heldWard, isIn } from './held.ts'
import { placeIn } from './plan.ts'
import { contains, holds, wardOf } from './ward.ts'

/** Answers a question, unless its asker asks too often. */
export function onAsk(state: MeshState, from: NodeId, { nonce, want }: WardAsk, ctx: StepContext): void {
  if (!state.wards.askers.take(from, ctx.nowMs)) return
  const told =
    'nodes' in want ? nodesFor(state, want.nodes, ctx) : digestsFor(state, from, want.digestsFor, ctx.nowMs, ctx.rng)
  ctx.out.push({ type: 'send', to: from, message: { t: 'ward-told', body: { nonce, ...told } } })
}

type Told = Omit<WardTold, 'nonce'>

/**
 * The newest digest of each ward: those first that the asker may be in, then those of its zone. Then the others, for
 * who asks goes by several that speak for wards (`isTold`), and there may be two wards only.
 */
function digestsFor({ wards }: MeshState, asker: NodeId, label: string, nowMs: number, rng: Rng): Told {
  const place = placeIn(wards.zones, { label, hash: hashOf(asker) })
  const held = rng.shuffle([...wards.digests.values()].filter(({ expiresMs }) => nowMs < expiresMs))
  const newest = new Set([...newestByWard(wards).values()].map(({ record }) => record))
  const order = ({ ward, record }: (typeof held)[number]) =>
    (newest.has(record) ? 0 : 3) + (holds(ward, place) ? 0 : ward.zone === place.zone ? 1 : 2)
  let leftBytes: number = WARD_LIMITS.toldBytes
  const records: Told['records'] = []
  for (const { record, bornMs } of held.toSorted((a, b) => order(a) - order(b))) {
    leftBytes -= record.bytes.length
    if (leftBytes < 0 || records.length === 4 * WARD_LIMITS.told) break
    records.push({ bytes: record.bytes, ageMs: Math.max(0, Math.round(nowMs - bornMs)) })
  }
  return { records, left: held.length - records.length, moved: false }
}

/** The nodes of this ward that fit a question, some of them by chance when they are many. */
function nodesFor(state: MeshState, question: WardQuestion, { nowMs, rng }: StepContext): Told {
  const [asked, held] = [wardOf(question.ward), heldWard(state)]
  // One that was cut meanwhile, or made one with another, is answered for as far as it is this one.
  if (!contains(held, asked) && !contains(asked, held)) return { records: [], left: 0, moved: true }
  const fits = fitFor(question)
  const fitting = rng.shuffle(
    nodes(state.registry, nowMs).filter(
      (node) => !state.registry.apart.has(node.peerId) && isIn(state, asked, node.peerId) && fits(node),
    ),
  )
  const { after } = question
  const isAfter = ({ peerId }: KnownNode) => after === undefined || peerId > after
  const byId = (a: KnownNode, b: KnownNode) =>
    after === undefined || a.peerId === b.peerId ? 0 : a.peerId < b.peerId ? -1 : 1
  const inTurn = fitting.filter(isAfter).toSorted(byId)
  const told = inTurn.slice(0, question.most)
  const wants = told.flatMap(({ peerId }): SyncWant[] => [
    ...[...(state.registry.authors.get(peerId)?.passports.values() ?? [])].map(({ record }): SyncWant => [
      peerId,
      'passport',
      record.name,
    ]),
    [peerId, 'heartbeat', ''],
  ])
  const { records } = supply(state.registry, wants.slice(0, 4 * WARD_LIMITS.told), nowMs, rng)
  return { records, left: inTurn.length - told.length, moved: false }
}

/** Whether a node is one of those that were asked for. A selector that does not parse fits nobody. */
function fitFor({ name, capability, selector, free, driver }: WardQuestion) {
  const parsed = selector === undefined ? [] : parsedOrNothing(selector)
  return (node: KnownNode): boolean => {
    const spec = node.passport?.spec.node
    const passports = [...(node.passport ? [node.passport] : []), ...node.services]
    return (
      parsed !== undefined &&
      matchesSelector(parsed, node.labels) &&
      (name === undefined || node.name.startsWith(name) || node.peerId.startsWith(name)) &&
      (driver === undefined || spec?.drivers.includes(driver) === true) &&
      (free === undefined || countFitting(node.heartbeat?.free ?? spec?.capacity ?? free, free, 1) === 1) &&
      (capability === undefined ||
        passports.some((passport) => passport.spec.capabilities.some((one) => one.name === capability)))
    )
  }
}

function parsedOrNothing(text: string): ReturnType<typeof parseSelector> | undefined {
  try {
    return parseSelector(text)
  } catch {
    return undefined
  }
}
