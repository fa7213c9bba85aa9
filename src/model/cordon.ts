/**
 * A cordon, in the meaning of Kubernetes: a node that is cordoned takes no new tasks, and those that it has run on. One
 * that is drained is cordoned with nothing left on it. Told in the annotations of its passport, which members of any
 * version take: a heartbeat with a field or a state that they do not know they would refuse.
 */
import * as z from 'zod'
import { CORDON_LIMITS } from './defaults.ts'

/** What can be said of a node. `draining`: what is on it may end by itself until the deadline, if there is one. */
export const CORDON_STATES = ['cordoned', 'draining', 'drained'] as const

/** A line of text: what people print must not move their cursor. */
const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, 'expected a line of text')

/** Who asked for it, in words: a user of the machine, or a member of the mesh. */
export const CordonBy = line(CORDON_LIMITS.by)
/** Why, for people. */
export const CordonReason = line(CORDON_LIMITS.reason)

/** What everybody may know of a cordon. */
export const CordonView = z.strictObject({
  state: z.enum(CORDON_STATES),
  by: CordonBy,
  reason: CordonReason.optional(),
})
export type CordonView = z.infer<typeof CordonView>

/** A cordon as its node keeps it. */
export interface Cordon {
  readonly by: string
  /** The member that asked for it from elsewhere; absent: somebody with the API of this node. */
  readonly peer?: string
  /** Asked for at the node itself, or by a machine of its owner: others, whom a rule lets cordon it, change nothing. */
  readonly own: boolean
  readonly reason?: string
  readonly drain?: {
    /** When what still runs is ended; absent: never. */
    readonly deadlineMs?: number
    /** When nothing ran any more. */
    readonly endedMs?: number
  }
}

const ANNOTATIONS = {
  state: 'althing.dev/cordon',
  by: 'althing.dev/cordon-by',
  reason: 'althing.dev/cordon-reason',
} as const satisfies Record<keyof CordonView, string>

/** The annotations that tell of it. */
export function annotationsOfCordon({ state, by, reason }: CordonView): Record<string, string> {
  return {
    [ANNOTATIONS.state]: state,
    [ANNOTATIONS.by]: by,
    ...(reason !== undefined && { [ANNOTATIONS.reason]: reason }),
  }
}

/** What annotations tell; undefined where that is nothing, or nothing that fits. */
export function readCordon(annotations: Readonly<Record<string, string>>): CordonView | undefined {
  const { [ANNOTATIONS.state]: state, [ANNOTATIONS.by]: by, [ANNOTATIONS.reason]: reason } = annotations
  if (state === undefined) return undefined
  return CordonView.safeParse({ state, by, ...(reason !== undefined && { reason }) }).data
}
