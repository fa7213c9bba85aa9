/** The options of `althing up` about who else may use the API. */
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ACCESS_ROLES, type AccessRole } from '../../model/access.ts'
import { DEFAULT_ROLE_CLAIM, type JwtIssuer, type RemotePlace } from '../../node/api-options.ts'
import { MAX_ENTRIES } from '../../node/option-values.ts'
import type { DaemonOptions } from '../../node/options.ts'
import { readNetwork } from '../../util/cidr.ts'
import { usageError } from '../errors.ts'
import { checkFile } from '../files.ts'
import { checked, each, filled, oneOf, pairs } from '../options.ts'
import { shownWord } from '../terminal.ts'

/** As parsed. */
export interface ApiOptions {
  apiListen?: { readonly host: string; readonly port: number }
  tlsCert?: string
  tlsKey?: string
  apiAllow?: string[]
  apiHost?: string[]
  jwtIssuer?: string
  jwtAudience?: string
  jwks?: string
  jwtRoleClaim?: string
  jwtRole?: Record<string, AccessRole>
  jwtTenantClaim?: string
}

/** Adds them. */
export function addApiOptions(command: Command): Command {
  return command
    .optionsGroup('Options for others who use the API (see docs/ACCESS.md):')
    .option('--api-listen <address:port>', 'listen for them too, by TLS; they ask with tokens or JWTs', readPlace)
    .option('--tls-cert <file>', 'its certificate, with those of its issuers behind it, in PEM', filled('a file'))
    .option(
      '--tls-key <file>',
      'the key of the certificate, in PEM; both are read again when they change',
      filled('a file'),
    )
    .option(
      '--api-allow <cidr>',
      'let only these connect; may be given again (default: anyone)',
      each(checked(faultOfNetwork)),
    )
    .option(
      '--api-host <name[:port]>',
      'another name it is reached by; those in its certificate count already; may be given again',
      each(checked(faultOfHost)),
    )
    .option(
      '--jwt-issuer <iss>',
      'take the JWTs of this issuer: its claim iss',
      filled('an issuer, such as https://id.example'),
    )
    .option('--jwt-audience <aud>', 'what their claim aud must name', filled('an audience, such as althing'))
    .option('--jwks <file|url>', "the issuer's keys: a file, or an https address", checked(faultOfJwks))
    .option(
      '--jwt-role-claim <claim>',
      `the claim with the role, or with groups; a dot leads into it (default: ${DEFAULT_ROLE_CLAIM})`,
      filled('a claim, such as realm_access.roles'),
    )
    .option(
      '--jwt-role <group=role>',
      'the role of a group; may be given again (default: the claim is the role)',
      readRole,
    )
    .option(
      '--jwt-tenant-claim <claim>',
      'the claim with the tenant, which must be there then',
      filled('a claim, such as team'),
    )
}

/** What was said, checked as a whole. @throws CliError usage */
export function apiOptions(options: ApiOptions): Pick<DaemonOptions, 'remote' | 'jwt'> {
  const jwt = jwtOf(options)
  const remote = remoteOf(options)
  return { ...(remote !== undefined && { remote }), ...(jwt !== undefined && { jwt }) }
}

function remoteOf({ apiListen, tlsCert, tlsKey, apiAllow = [], apiHost = [] }: ApiOptions): RemotePlace | undefined {
  if (apiListen === undefined) {
    const lone = Object.entries({
      '--tls-cert': tlsCert,
      '--tls-key': tlsKey,
      '--api-allow': apiAllow[0],
      '--api-host': apiHost[0],
    })
    const said = lone.find(([, value]) => value !== undefined)
    if (said !== undefined) throw usageError(`${said[0]} is of no use without --api-listen`)
    return undefined
  }
  const { host, port } = apiListen
  if (tlsCert === undefined || tlsKey === undefined) {
    throw usageError(
      `--api-listen ${host}:${port} needs TLS: without it tokens could be read on the way`,
      'name a certificate by --tls-cert FILE and its key by --tls-key FILE; on this machine alone, use --page-port',
    )
  }
  if (apiAllow.length > MAX_ENTRIES || apiHost.length > MAX_ENTRIES)
    throw usageError(`more than ${MAX_ENTRIES} times --api-allow or --api-host`)
  checkFile(tlsCert, `--tls-cert ${shownWord(tlsCert)}`, './cert.pem')
  checkFile(tlsKey, `--tls-key ${shownWord(tlsKey)}`, './key.pem')
  return { host, port, certFile: resolve(tlsCert), keyFile: resolve(tlsKey), allow: apiAllow, hosts: apiHost }
}

function jwtOf(options: ApiOptions): JwtIssuer | undefined {
  const { jwtIssuer: issuer, jwtAudience: audience, jwks, jwtRoleClaim, jwtRole = {}, jwtTenantClaim } = options
  if (issuer === undefined && audience === undefined && jwks === undefined) {
    if (jwtRoleClaim === undefined && jwtTenantClaim === undefined && options.jwtRole === undefined) return undefined
  }
  if (issuer === undefined || audience === undefined || jwks === undefined) {
    throw usageError(
      'JWTs need --jwt-issuer, --jwt-audience and --jwks',
      'without the audience a token that the issuer made for another service would be taken here',
    )
  }
  const isFile = !isAddress(jwks)
  if (isFile) checkFile(jwks, `--jwks ${shownWord(jwks)}`, './jwks.json or https://id.example/jwks')
  return {
    issuer,
    audience,
    jwks: isFile ? resolve(jwks) : jwks,
    roleClaim: jwtRoleClaim ?? DEFAULT_ROLE_CLAIM,
    roles: jwtRole,
    ...(jwtTenantClaim !== undefined && { tenantClaim: jwtTenantClaim }),
  }
}

/** An address of this machine and a port. @throws Error, in words, for what is none */
export function readPlace(text: string): { host: string; port: number } {
  const [, bracketed, plain, port = ''] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  if (isIP(host) === 0 || Number(port) > 65_535)
    throw new Error('expected an address of this machine and a port, such as 10.0.0.5:4443, 0.0.0.0:4443 or [::]:4443')
  return { host, port: Number(port) }
}

/** What is wrong with it, in words. */
export function faultOfPlace(text: string): string | undefined {
  try {
    readPlace(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** What is wrong with a network, in words. */
export function faultOfNetwork(text: string): string | undefined {
  const network = readNetwork(text)
  return typeof network === 'string' ? network : undefined
}

/** What is wrong with a name, in words. */
export function faultOfHost(text: string): string | undefined {
  if (/^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::\d{1,5})?$/.test(text))
    return undefined
  return 'expected a name, with or without a port, such as mesh.example or mesh.example:443'
}

function faultOfJwks(text: string): string | undefined {
  if (!isAddress(text))
    return existsSync(text) ? undefined : 'there is no such file; expected a file or an https address'
  return faultOfAddress(text)
}

function isAddress(text: string): boolean {
  return /^[a-z]+:\/\//i.test(text)
}

/** Whether keys are asked for at an address, not read from a file. @throws CliError usage for one that is not safe */
export function isAddressOfKeys(text: string): boolean {
  if (!isAddress(text)) return false
  const fault = faultOfAddress(text)
  if (fault !== undefined) throw usageError(`jwks ${shownWord(text)}: ${fault}`)
  return true
}

function faultOfAddress(text: string): string | undefined {
  const url = URL.parse(text)
  const isLoopback = url !== null && /^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return undefined
  return 'expected an https address: whoever could change the keys on the way could make tokens'
}

const role = oneOf(ACCESS_ROLES)
const readRole = pairs((text) => {
  const at = text.lastIndexOf('=')
  if (at < 1) throw new Error('expected GROUP=ROLE, such as mesh-ops=operator')
  return [text.slice(0, at), role(text.slice(at + 1))]
}) as (text: string, before?: Readonly<Record<string, AccessRole>>) => Record<string, AccessRole>
