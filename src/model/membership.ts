/**
 * What members say of each other's life: the signed testimony that gossip spreads, and the probes that watchers
 * exchange. What they mean is in `topology/`.
 */
import * as z from 'zod'

/** A peer id in text form: base58btc of at most 42 bytes. */
const PeerIdText = z.string().min(1).max(64)
const Epoch = z.int().min(0)
const Incarnation = z.int().min(0)

/** What a subject has signed of itself, as the speaker knows it. */
export const Pair = z.strictObject({ epoch: Epoch, incarnation: Incarnation })

/**
 * Evidence of one watcher, the author of the record, about one subject. `refused`: nobody listens at its address any
 * more. `silent`: it answers no probe, direct or by others. `cleared`: it is heard again.
 */
export const Testimony = z.strictObject({
  subject: PeerIdText,
  epoch: Epoch,
  incarnation: Incarnation,
  /** Of this author, rising; the highest counts. */
  seq: z.int().min(0),
  says: z.enum(['refused', 'silent', 'cleared']),
  /** Share of the author's probes to the subject that were lost while it was well. */
  loss: z.number().min(0).max(1),
})
export type Testimony = z.infer<typeof Testimony>

const Nonce = z.int().min(0).max(0xffff_ffff)

/** Are you there? `suspects`: the sender is about to hold this pair of yours dead. */
export const Ping = z.strictObject({ nonce: Nonce, suspects: Pair.optional() })
export const Pong = z.strictObject({ nonce: Nonce })
/** Probe `subject` for me. */
export const Ask = z.strictObject({ nonce: Nonce, subject: PeerIdText })
/** It answered. */
export const Asked = z.strictObject({ nonce: Nonce, subject: PeerIdText })

/** Where and how datagrams can be sent to a daemon, told to each neighbour on its own link. */
export const ProbeAddress = z.strictObject({
  port: z.int().min(1).max(65_535),
  /** 32 bytes that only this link's two ends know. */
  key: z.custom<Uint8Array>((key) => key instanceof Uint8Array && key.length === 32, 'expected 32 bytes'),
})
