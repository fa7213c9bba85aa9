/** What the local API is asked about tokens; what it tells is in `access-view.ts`. */
import * as z from 'zod'
import { ACCESS_ROLES, faultOfTenant, faultOfTokenName } from './access.ts'
import { flawless } from './flawless.ts'

/** Milliseconds of a day. */
const DAY_MS = 24 * 60 * 60 * 1000
/** How long a token may live, and for how long it does when nobody says. */
export const TOKEN_TTL = { leastMs: 1_000, mostMs: 3_650 * DAY_MS, usualMs: 90 * DAY_MS } as const

const Role = z.enum(ACCESS_ROLES)

/** `POST /v1/tokens`. */
export const TokenRequest = z.strictObject({
  name: flawless(faultOfTokenName),
  role: Role,
  tenant: flawless(faultOfTenant).optional(),
  ttlMs: z.int().min(TOKEN_TTL.leastMs).max(TOKEN_TTL.mostMs).default(TOKEN_TTL.usualMs),
})
/** As the schema says. */
export type TokenRequest = z.output<typeof TokenRequest>
