/**
 * How members hold each other to their audit logs: the head that rides in every heartbeat, and two messages of the
 * control stream. Unsigned: the link proves who speaks, and a proof proves itself.
 */
import * as z from 'zod'
import { MAX_EVENT_BYTES } from './audit.ts'
import { Id } from './negotiation.ts'

/** Hashes of one proof: one of 2^53 events takes 54 at most (RFC 6962, section 2.1.2: ceil(log2 n) + 1). */
export const MAX_PROOF_HASHES = 64
/** Sizes of a log that are proven to continue each other in one answer. */
export const MAX_PROVEN_SIZES = 5
/** Heads that were seen of the asker: those, and one that an alarm began with. */
export const MAX_SEEN_HEADS = MAX_PROVEN_SIZES + 1
/** Events of one answer, and what they may take with their proofs: a frame has 256 KiB. */
export const MAX_TOLD_EVENTS = 256
export const MAX_TOLD_BYTES = 128 * 1024
/** A heartbeat, or a signed head. */
const MAX_HEAD_BYTES = 1024
/** Every log can prove what its last so many events follow. Below it, that old events are gone is no excuse. */
export const MIN_KEPT_EVENTS = 10_000

const HASH_BYTES = 32
const Hash = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.length === HASH_BYTES,
  `expected ${HASH_BYTES} bytes`,
)
const Path = z.array(Hash).max(MAX_PROOF_HASHES)
const Nonce = z.int().min(0).max(0xffff_ffff)

function bytesUpTo(most: number) {
  return z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.length <= most,
    `expected at most ${most} bytes`,
  )
}

/** Size and root of a log; signed by what carries it, with the boot epoch of its author. */
export const AuditHead = z.strictObject({ size: z.int().min(0), root: Hash })
export type AuditHead = z.infer<typeof AuditHead>

/**
 * What is asked. `consistency`: prove that your log, when it had each of these sizes, began with what it was at the one
 * before. `story`: what have you written of this task that concerns me? `seen`: which heads of mine did you see?
 */
export const AuditAsk = z.strictObject({
  nonce: Nonce,
  want: z.discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('consistency'),
      sizes: z.array(z.int().min(1)).min(2).max(MAX_PROVEN_SIZES),
    }),
    z.strictObject({ type: z.literal('story'), taskId: Id }),
    z.strictObject({ type: z.literal('seen') }),
  ]),
})
export type AuditAsk = z.infer<typeof AuditAsk>

/** An event with the audit path that proves it. */
export const ProvenEvent = z.strictObject({ position: z.int().min(0), event: bytesUpTo(MAX_EVENT_BYTES), path: Path })
export type ProvenEvent = z.infer<typeof ProvenEvent>

/**
 * What is answered. `paths`: a proof for each step from one size to the next; null where what would prove it was
 * dropped with the oldest events. `head`: the signed record that the proofs lead to. `heads`: those of the asker.
 */
export const AuditTold = z.strictObject({
  nonce: Nonce,
  told: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('consistency'), paths: z.array(Path.nullable()).max(MAX_PROVEN_SIZES) }),
    z.strictObject({
      type: z.literal('story'),
      head: bytesUpTo(MAX_HEAD_BYTES),
      events: z.array(ProvenEvent).max(MAX_TOLD_EVENTS),
      /** Further events found no room. */
      more: z.boolean(),
    }),
    z.strictObject({ type: z.literal('seen'), heads: z.array(bytesUpTo(MAX_HEAD_BYTES)).max(MAX_SEEN_HEADS) }),
  ]),
})
export type AuditTold = z.infer<typeof AuditTold>
