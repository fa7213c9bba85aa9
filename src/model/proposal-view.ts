/** What the local API tells of proposals that wait for the signatures of other admins. */
import * as z from 'zod'
import { Base64 } from './cluster-requests.ts'
import { StatementHash } from './governance.ts'
import { PeerId } from './identifiers.ts'

/** A proposal. Nothing is decided by it yet. */
export const ProposalView = z.strictObject({
  /** Hash of the entry that it would be. */
  id: StatementHash,
  /** The place in the log that it would have. */
  height: z.int(),
  /** When it was made, by the clock of whoever did. Unix milliseconds. */
  atMs: z.int(),
  kind: z.string(),
  /** Admins that have signed it, and how many must. */
  signers: z.array(PeerId),
  needed: z.int(),
  /** Admins that promised never to sign it. */
  refusedBy: z.array(PeerId),
  /** So many have refused it that it never counts. */
  dead: z.boolean(),
  /** The entry and the refusals, as statements. */
  entry: Base64,
  refusals: z.array(Base64),
})
/** As the schema says. */
export type ProposalView = z.infer<typeof ProposalView>

/** What became of it: `taken`, `complete` when it has become part of the log, or why it is not kept. */
export const ProposedView = z.strictObject({ outcome: z.string() })
/** As the schema says. */
export type ProposedView = z.infer<typeof ProposedView>
