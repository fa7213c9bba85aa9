/** The part of the file of options about who else may use the API, and how. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import * as z from 'zod'
import { ACCESS_ROLES } from '../../model/access.ts'
import { flawless } from '../../model/flawless.ts'
import { DEFAULT_ROLE_CLAIM, type JwtIssuer, type RemotePlace } from '../../node/api-options.ts'
import { MAX_ENTRIES } from '../../node/option-values.ts'
import { usageError } from '../errors.ts'
import { shownWord } from '../terminal.ts'
import { faultOfHost, faultOfNetwork, faultOfPlace, isAddressOfKeys, readPlace } from './api-options.ts'

/** A list of texts in which `faultOf` finds nothing. */
export const listOf = (faultOf: (text: string) => string | undefined) => z.array(flawless(faultOf)).max(MAX_ENTRIES)

const File = z.string().min(1)

/** `api`: for others than this host's own user. */
export const ApiPart = z.strictObject({
  listen: flawless(faultOfPlace).describe('Address of this machine and port, by TLS, such as 10.0.0.5:4443.'),
  certificate: File.describe('In PEM, with those of its issuers behind it; from here.'),
  key: File.describe('The key of the certificate, in PEM; from here.'),
  allow: listOf(faultOfNetwork).optional().describe('Networks that may connect. Default: anyone.'),
  hosts: listOf(faultOfHost).optional().describe('Further names it is reached by, beside those of its certificate.'),
})
/** As the schema says. */
export type ApiPart = z.infer<typeof ApiPart>

/** `jwt`: whose JWTs are taken. */
export const JwtPart = z.strictObject({
  issuer: z.string().min(1).describe('Its claim iss.'),
  audience: z.string().min(1).describe('What their claim aud must name.'),
  jwks: z.string().min(1).describe("The issuer's keys: a file, from here, or an https address."),
  roleClaim: z.string().min(1).optional().describe(`The claim with role or groups. Default: ${DEFAULT_ROLE_CLAIM}.`),
  roles: z
    .record(z.string(), z.enum(ACCESS_ROLES))
    .refine(
      (roles) => Object.keys(roles).length > 0,
      'expected a group and its role; without `roles` the claim is the role',
    )
    .optional()
    .describe('The role of each group.'),
  tenantClaim: z.string().min(1).optional().describe('The claim with the tenant, which must be there then.'),
})
/** As the schema says. */
export type JwtPart = z.infer<typeof JwtPart>

/** Where the API listens, its files beside the file of options. @throws CliError usage when one is not there */
export function placeOf({ listen, certificate, key, allow = [], hosts = [] }: ApiPart, directory: string): RemotePlace {
  const certFile = fileIn(directory, 'api.certificate', certificate)
  return { ...readPlace(listen), certFile, keyFile: fileIn(directory, 'api.key', key), allow, hosts }
}

/** Whose JWTs are taken. @throws CliError usage when the file of keys is not there, or the address of them is none */
export function issuerOf(
  { issuer, audience, jwks, roleClaim, roles, tenantClaim }: JwtPart,
  directory: string,
): JwtIssuer {
  return {
    ...{ issuer, audience, roleClaim: roleClaim ?? DEFAULT_ROLE_CLAIM, roles: roles ?? {} },
    jwks: isAddressOfKeys(jwks) ? jwks : fileIn(directory, 'jwt.jwks', jwks),
    ...(tenantClaim !== undefined && { tenantClaim }),
  }
}

function fileIn(directory: string, field: string, name: string): string {
  const path = resolve(directory, name)
  if (existsSync(path)) return path
  throw usageError(`${field}: there is no ${shownWord(path)}`, 'paths in the file of options are beside it')
}
