/**
 * Who may use the local API, and for what: roles, the rights they hold, and tenants. Pure, and without schemas: whoever
 * guards a daemon loads it.
 */

/** From the least to the most: each may do what those before it may. */
export const ACCESS_ROLES = ['viewer', 'submitter', 'operator', 'admin'] as const
/** One of `ACCESS_ROLES`. */
export type AccessRole = (typeof ACCESS_ROLES)[number]

/**
 * What a route of the API asks for. `read`: what everybody may see, and one's own work. `read-host`: what concerns the
 * host and its cluster as a whole. `submit`: running work and ending one's own. `operate`: policy, cordons, passports,
 * audit alarms, anybody's work. `administer`: tokens, trust, the cluster, the daemon itself.
 */
export type Right = 'read' | 'read-host' | 'submit' | 'operate' | 'administer'

/** The least role that holds a right. */
export const LEAST_ROLE: Readonly<Record<Right, AccessRole>> = {
  read: 'viewer',
  'read-host': 'viewer',
  submit: 'submitter',
  operate: 'operator',
  administer: 'admin',
}

/** What a tenant can be given: all else is about more than its own work. */
const OF_TENANTS: ReadonlySet<Right> = new Set(['read', 'submit'])
/** The roles that a tenant can have; the others are about the whole host. */
export const TENANT_ROLES: ReadonlySet<AccessRole> = new Set(['viewer', 'submitter'])

/** By whose authority something is asked. */
export interface Principal {
  /** How it was shown: by the daemon's socket, the page's token, a token of its own, a JWT. */
  readonly by: 'socket' | 'page' | 'token' | 'jwt'
  /** The token's name, or the subject of the JWT. */
  readonly name: string
  readonly role: AccessRole
  /** Sees its own work alone. Absent: sees all. */
  readonly tenant?: string
  /** Of a token: what it is revoked by. */
  readonly tokenId?: string
  /** Unix milliseconds; absent: never. */
  readonly expiresAtMs?: number
}

/** Whether somebody holds a right. */
export function may({ role, tenant }: Pick<Principal, 'role' | 'tenant'>, right: Right): boolean {
  if (tenant !== undefined && !OF_TENANTS.has(right)) return false
  return ACCESS_ROLES.indexOf(role) >= ACCESS_ROLES.indexOf(LEAST_ROLE[right])
}

/** A tenant's name: the grammar of an owner's. */
export function faultOfTenant(text: string): string | undefined {
  if (text.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text)) return undefined
  return 'expected up to 63 lower-case letters, digits and -, such as team-a'
}

/** A token's name. */
export function faultOfTokenName(text: string): string | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) return undefined
  return 'expected up to 63 letters, digits, . _ -, such as ci or grafana.office'
}

/** Says why a role and a tenant do not go together; undefined when they do. */
export function faultOfTenantRole(role: AccessRole, tenant: string | undefined): string | undefined {
  if (tenant === undefined || TENANT_ROLES.has(role)) return undefined
  return `role ${role} is about the whole host, not tenant ${tenant} alone; a tenant has viewer or submitter`
}
