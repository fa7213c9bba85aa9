/** Members that signed two records under one number, as people and programs are shown them. */
import * as z from 'zod'

/** In short: part of the status. */
export const QuarantinedView = z.strictObject({
  peer: z.string(),
  /** What it was called; empty where that is not known. */
  name: z.string(),
  /** Both records are of this kind, and have this number. */
  kind: z.string(),
  epoch: z.int(),
  seq: z.int(),
})
/** As the schema says. */
export type QuarantinedView = z.infer<typeof QuarantinedView>

/** `GET /v1/quarantined`: with the proof, two signed records (libp2p envelopes) that anybody can verify. */
export const QuarantineProofView = z.strictObject({
  ...QuarantinedView.shape,
  first: z.base64(),
  second: z.base64(),
})
/** As the schema says. */
export type QuarantineProofView = z.infer<typeof QuarantineProofView>
