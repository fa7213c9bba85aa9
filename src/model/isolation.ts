/** Isolation of tasks: whether a node can run them out of reach of its host and of each other. */
import * as z from 'zod'

/** What tasks are isolated by. */
export const IsolationKind = z.enum(['bwrap'])
export type IsolationKind = z.infer<typeof IsolationKind>

/** Whether tasks can be isolated on a node, as it found out; if not why, and what would help. */
export const IsolationState = z.discriminatedUnion('works', [
  z.strictObject({ works: z.literal(true), by: IsolationKind, version: z.string() }),
  z.strictObject({
    works: z.literal(false),
    /** False as long as it has not looked: it does so within seconds of its start. */
    examined: z.boolean(),
    why: z.string(),
    fix: z.string(),
  }),
])
export type IsolationState = z.infer<typeof IsolationState>
