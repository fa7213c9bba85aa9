/** What the claims of a verified JWT say: that it holds now and here, who it is, and what they may. Pure. */
import { ACCESS_ROLES, faultOfTenant, faultOfTenantRole, type AccessRole, type Principal } from '../../model/access.ts'
import type { JwtIssuer } from '../../node/api-options.ts'

/** What clocks may differ by. */
export const LEEWAY_MS = 30_000
/** Characters of the subject that are shown. */
const NAME_LENGTH = 128
/** Values of a claim of groups that are looked at. */
const MOST_GROUPS = 256

type Claims = Readonly<Record<string, unknown>>

/** @returns who it is, or what is wrong with the claims */
export function readClaims(claims: Claims, issuer: JwtIssuer, nowMs: number): Principal | string {
  const fault = faultOfTime(claims, nowMs) ?? faultOfPlace(claims, issuer)
  if (fault !== undefined) return fault
  const role = roleOf(claims, issuer)
  if (role === undefined) return `its claim ${issuer.roleClaim} leads to no role here`
  const tenant = issuer.tenantClaim === undefined ? undefined : claimAt(claims, issuer.tenantClaim)
  if (tenant !== undefined && (typeof tenant !== 'string' || faultOfTenant(tenant) !== undefined))
    return `its claim ${issuer.tenantClaim} is no tenant: expected a name such as team-a`
  // Without it a member of one team would see the work of all: what is configured must be there.
  if (issuer.tenantClaim !== undefined && tenant === undefined && ACCESS_ROLES.indexOf(role) < OPERATOR)
    return `its claim ${issuer.tenantClaim} is missing`
  const misfit = faultOfTenantRole(role, tenant)
  if (misfit !== undefined) return misfit
  const { sub } = claims
  return {
    by: 'jwt',
    // Shown on terminals and in logs: nothing in it may steer those.
    name: typeof sub === 'string' && sub !== '' ? sub.slice(0, NAME_LENGTH).replaceAll(/\p{C}/gu, '?') : 'jwt',
    role,
    ...(tenant !== undefined && { tenant }),
    expiresAtMs: (claims['exp'] as number) * 1000 + LEEWAY_MS,
  }
}

const OPERATOR = ACCESS_ROLES.indexOf('operator')

/** RFC 7519, sections 4.1.4 to 4.1.6; `exp` must be there. */
function faultOfTime({ exp, nbf, iat }: Claims, nowMs: number): string | undefined {
  if (!isTime(exp)) return 'it has no time of expiry'
  if (exp * 1000 + LEEWAY_MS <= nowMs) return 'it has expired'
  if (nbf !== undefined && !isTime(nbf)) return 'its claim nbf is no time'
  if (nbf !== undefined && nbf * 1000 - LEEWAY_MS > nowMs) return 'it is not valid yet'
  if (iat !== undefined && !isTime(iat)) return 'its claim iat is no time'
  if (iat !== undefined && iat * 1000 - LEEWAY_MS > nowMs) return 'it was issued in the future'
  return undefined
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000
}

function faultOfPlace({ iss, aud }: Claims, { issuer, audience }: JwtIssuer): string | undefined {
  if (iss !== issuer) return 'it is of another issuer'
  const audiences: unknown[] = Array.isArray(aud) ? aud : [aud]
  return audiences.includes(audience) ? undefined : 'it is for another audience'
}

/** The highest of all roles that its groups have. */
function roleOf(claims: Claims, { roleClaim, roles }: JwtIssuer): AccessRole | undefined {
  const said = claimAt(claims, roleClaim)
  const groups = (Array.isArray(said) ? said : [said]).slice(0, MOST_GROUPS)
  const isMapped = Object.keys(roles).length > 0
  const found = groups.flatMap((group) => {
    if (typeof group !== 'string') return []
    if (isMapped) return Object.hasOwn(roles, group) ? [roles[group]!] : []
    return ACCESS_ROLES.filter((role) => role === group)
  })
  return ACCESS_ROLES.findLast((role) => found.includes(role))
}

/** A claim by its name, which may have dots (`https://id.example/role`), or by a path (`realm_access.roles`). */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as Record<string, unknown>)[name]
  }
  return at
}
