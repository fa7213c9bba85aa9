/** What is kept of a peer so that a restarted daemon finds its mesh again. */
import * as z from 'zod'

/** Where a member was dialled with success; stored under its peer id. */
export const KnownPeer = z.strictObject({
  /** Multiaddrs without `/p2p`; the one that worked last comes first. */
  addresses: z.array(z.string().max(256)).min(1).max(4),
  cluster: z.string().max(64),
  /** When it last worked, Unix milliseconds. */
  reachedMs: z.number(),
})
export type KnownPeer = z.infer<typeof KnownPeer>
