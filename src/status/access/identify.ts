/**
 * By whose authority a request is made: the socket's user, whoever has the page's token, a token of its own, or a JWT
 * of the configured issuer.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Principal } from '../../model/access.ts'
import type { TokenOperations } from '../../node/operations.ts'
import type { Channel } from '../guards.ts'

/** What a request shows of who it is. */
export interface Shown {
  readonly channel: Channel
  /** Address of the other end; undefined by the socket. */
  readonly address: string | undefined
  readonly authorization: string | undefined
}

/** Why nobody is known; the `code` of the problem. */
export type UnknownCode = 'no-token' | 'wrong-token' | 'revoked-token' | 'expired-token' | 'bad-jwt'

/** Who it is, or why that is not known. */
export type Identity =
  | { readonly known: true; readonly principal: Principal }
  | { readonly known: false; readonly code: UnknownCode; readonly detail: string; readonly fix: string }

/** Reads JWTs. Loaded when an issuer is configured. */
export interface JwtReader {
  /** Never throws. */
  read(text: string): Promise<Identity>
}

/** By what somebody can be known. */
export interface IdentifyOptions {
  /** The page's token, of this host's own user. */
  readonly pageToken: string
  readonly tokens: Pick<TokenOperations, 'check'>
  readonly jwt: JwtReader | undefined
}

/** The socket's file mode has let nobody else through. */
const SOCKET_USER: Principal = { by: 'socket', name: 'socket', role: 'admin' }
const PAGE_USER: Principal = { by: 'page', name: 'page', role: 'admin' }

/** The longest text that is looked at: a JWT of 8 KiB, which is half of what Node takes of header lines. */
export const MOST_TOKEN_CHARS = 8 * 1024

/** Says who asks. */
export async function identify(shown: Shown, { pageToken, tokens, jwt }: IdentifyOptions): Promise<Identity> {
  if (shown.channel === 'socket') return { known: true, principal: SOCKET_USER }
  const text = bearerOf(shown.authorization)
  if (text === undefined) return unknown('no-token', 'this needs a token', HOW[shown.channel])
  if (text.length > MOST_TOKEN_CHARS) return unknown('wrong-token', 'that is too long for a token', HOW[shown.channel])
  // That of the page is never sent over a network: it has every right, no end, and nobody can take it back.
  if (shown.channel === 'loopback' && sameSecret(text, pageToken)) return { known: true, principal: PAGE_USER }
  if (jwt !== undefined && isJwt(text)) return jwt.read(text)
  const found = tokens.check(text)
  if (found.ok) return { known: true, principal: found.principal }
  return unknown(found.code, WHAT[found.code], found.code === 'wrong-token' ? HOW[shown.channel] : ANOTHER)
}

const WHAT = {
  'wrong-token': 'that is no token of this daemon',
  'revoked-token': 'that token was revoked',
  'expired-token': 'that token has expired',
} as const
const ANOTHER = 'make another on its host: althing token create --name NAME --role ROLE'
const HOW = {
  socket: '',
  loopback: 'send `Authorization: Bearer TOKEN`; the token is in the file api-token of the data directory',
  remote: 'send `Authorization: Bearer TOKEN`; `althing token create` makes one, on the host of the daemon',
} as const

function unknown(code: UnknownCode, detail: string, fix: string): Identity {
  return { known: false, code, detail, fix }
}

/** The token of an Authorization header (RFC 6750, section 2.1); undefined when it has none. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** Three parts with dots between: no other token has a dot. */
function isJwt(text: string): boolean {
  return text.split('.').length === 3
}

/** Compares hashes, so that neither the time taken nor a difference in length says anything. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
