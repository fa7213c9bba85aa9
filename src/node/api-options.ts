/** What a daemon is told about who else may use its API: see `althing up --help`. */
import type { AccessRole } from '../model/access.ts'

/** Where the API listens beyond loopback, with what, and for whom. */
export interface RemotePlace {
  /** An address of this machine. */
  readonly host: string
  /** 0: any. */
  readonly port: number
  /** PEM: the certificate before those of its issuers, and its key. */
  readonly certFile: string
  readonly keyFile: string
  /** Networks and addresses from which may be connected; empty: from anywhere. */
  readonly allow: readonly string[]
  /** Further names, with or without a port, by which clients reach it. */
  readonly hosts: readonly string[]
}

/** Whose JWTs are taken, and what they say of whoever shows one. */
export interface JwtIssuer {
  /** The claim `iss`, exactly. */
  readonly issuer: string
  /** What the claim `aud` must name. */
  readonly audience: string
  /** Its keys: a file, or an https address. */
  readonly jwks: string
  /** The claim with the role, or the groups that `roles` maps; a dot leads into an object. */
  readonly roleClaim: string
  /** Groups and the roles they have; empty: the claim names the role itself. */
  readonly roles: Readonly<Record<string, AccessRole>>
  /** The claim with the tenant, which must be there then. Absent: JWTs have no tenant. */
  readonly tenantClaim?: string
}

/** Where the role is when nobody says. */
export const DEFAULT_ROLE_CLAIM = 'althing_role'
