/**
 * Work that finds no place in this node's ward: up to three others that may have room are asked for nodes that fit, and
 * what they name are candidates of the next round. By digest a ward is only chosen to be asked; bids decide, as ever.
 */
import { countFitting } from '../../model/resources.ts'
import type { TaskSpec } from '../../model/task.ts'
import type { MeshState, StepContext } from '../types.ts'
import { askWard, isSilent } from './ask.ts'
import { newestByWard } from './digests.ts'
import { mayHold } from './filter.ts'
import type { HeldDigest } from './state.ts'
import { contains, nameOf } from './ward.ts'

/** Wards asked for one job at once, and nodes that each may name. */
const WARDS_ASKED = 3
const NODES_EACH = 8
/** Wards that are named with one reason; of the others the number. */
const NAMED = 4
/** A job that still waits asks again after so long. */
const AGAIN_MS = 10_000

/** Wards in which nobody is asked for one reason. */
export interface PassedWard {
  readonly node: string
  readonly reason: string
}

/** The wards other than this node's: those to ask for a task, best first, and why not the others. */
export function wardsFor(
  state: MeshState,
  spec: Pick<TaskSpec, 'driver' | 'resources' | 'node'>,
  nowMs: number,
): { readonly ask: readonly string[]; readonly pass: readonly PassedWard[] } {
  const { at } = state.wards
  const ask: HeldDigest[] = []
  const reasons = new Map<string, string[]>()
  if (at === undefined) return { ask: [], pass: [] }
  for (const [name, held] of newestByWard(state.wards)) {
    if (contains(at, held.ward) || contains(held.ward, at)) continue
    const reason = whyNot(held, spec) ?? (isSilent(state, name, nowMs) ? 'nobody of it answers' : undefined)
    if (reason === undefined) ask.push(held)
    else reasons.set(reason, [...(reasons.get(reason) ?? []), name])
  }
  // What is near comes first: the own zone. Then those with most room.
  const order = ({ ward, body }: HeldDigest) => (ward.zone === at.zone ? 1e12 : 0) + body.free.cpuMilli
  const pass = [...reasons].map(([reason, names]) => ({ node: named(names), reason }))
  return { ask: ask.toSorted((a, b) => order(b) - order(a)).map(({ ward }) => nameOf(ward)), pass }
}

function named(names: readonly string[]): string {
  if (names.length === 1) return `ward ${names[0]}`
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  return `wards ${names.slice(0, NAMED).join(', ')}${more}`
}

function whyNot(
  { body }: HeldDigest,
  { driver, resources, node }: Pick<TaskSpec, 'driver' | 'resources' | 'node'>,
): string | undefined {
  if (node !== undefined) return mayHold(body.names, node) ? undefined : 'the node that was asked for is not of it'
  if (!body.drivers.includes(driver)) return `nobody there has driver ${driver}`
  if (body.ready === 0) return 'nobody there is ready'
  if (countFitting(body.largest, resources, 1) === 0) return 'nobody there has so much CPU and memory free'
  return undefined
}

/** Asks for each job that waits with no round under way. */
export function lookElsewhere(state: MeshState, ctx: StepContext): void {
  const { wards, negotiation } = state
  if (wards.at === undefined) return
  for (const { jobId, queue, round, spec } of negotiation.jobs.values()) {
    if (queue.length === 0 || round !== undefined) continue
    if (ctx.nowMs - (wards.looked.get(jobId) ?? -Infinity) < AGAIN_MS) continue
    wards.looked.set(jobId, ctx.nowMs)
    const { driver, resources, selector, node } = spec
    // One node is asked for whatever it has free: it is to say itself what it lacks.
    const which = node === undefined ? { free: resources, driver, ...(selector && { selector }) } : { name: node }
    const wish = { ...which, most: NODES_EACH }
    for (const ward of wardsFor(state, spec, ctx.nowMs).ask.slice(0, WARDS_ASKED))
      askWard(state, { ...wish, ward }, undefined, ctx)
  }
}
