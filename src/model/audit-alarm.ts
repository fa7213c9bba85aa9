/** An alarm over the audit log of another node, as people and programs are shown it. */
import * as z from 'zod'

/** Its log contradicts itself: the two signed records show it, or the proof (in hex) that it gave. */
export const AuditAlarmView = z.strictObject({
  peer: z.string(),
  name: z.string(),
  what: z.enum(['forked', 'shrunk', 'inconsistent']),
  /** By the wall clock of whoever found it. */
  atMs: z.int(),
  firstSize: z.int().min(0),
  secondSize: z.int().min(0),
  first: z.base64(),
  second: z.base64(),
  path: z.array(z.string()),
})
export type AuditAlarmView = z.infer<typeof AuditAlarmView>
