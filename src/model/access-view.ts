/** What the local API tells of tokens. */
import * as z from 'zod'
import { ACCESS_ROLES } from './access.ts'

/** A token as it is listed: everything but what it is shown by. */
export const TokenView = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(ACCESS_ROLES),
  tenant: z.string().optional(),
  state: z.enum(['live', 'expired', 'revoked']),
  createdAtMs: z.int(),
  expiresAtMs: z.int(),
  revokedAtMs: z.int().optional(),
  /** When it was last shown, to the minute. */
  usedAtMs: z.int().optional(),
})
/** As the schema says. */
export type TokenView = z.infer<typeof TokenView>

/** The one time that a token is told. */
export const TokenCreated = z.strictObject({ ...TokenView.shape, token: z.string() })
/** As the schema says. */
export type TokenCreated = z.infer<typeof TokenCreated>
