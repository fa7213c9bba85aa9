/** JWTs of one issuer, read. A file of its own in the build, `jwt.cjs`: few daemons load it. */
import type { JwtIssuer } from '../../node/api-options.ts'
import { messageOf } from '../../util/errors.ts'
import type { Identity, JwtReader } from '../access/identify.ts'
import { ListenError } from '../listen.ts'
import { readClaims } from './claims.ts'
import { isSignedBy } from './keys.ts'
import { KeySource, type KeySourceOptions } from './key-source.ts'
import { parseJwt } from './token.ts'

/**
 * A reader of the JWTs of an issuer. Its keys are fetched when the first token comes; those in a file are read now.
 * @throws ListenError `bad-jwks`
 */
export function createJwtReader(issuer: JwtIssuer, options: KeySourceOptions): JwtReader {
  const source = new KeySource(issuer.jwks, options)
  if (source.isFile) {
    try {
      source.readFile()
    } catch (error) {
      throw new ListenError('bad-jwks', `--jwks ${issuer.jwks} cannot be used: ${messageOf(error)}`, {
        fix: 'name a file with the JSON Web Key Set of the issuer, or its https address',
      })
    }
  }
  return { read: (text) => read(text, issuer, source, options.nowMs) }
}

async function read(text: string, issuer: JwtIssuer, source: KeySource, nowMs: () => number): Promise<Identity> {
  const token = parseJwt(text)
  if (typeof token === 'string') return refuse(token)
  const keys = await source.keysFor(token)
  if (keys.length === 0) return refuse('its issuer has no such key')
  if (!keys.some((key) => isSignedBy(key, token))) return refuse('its signature is wrong')
  const principal = readClaims(token.claims, issuer, nowMs())
  return typeof principal === 'string' ? refuse(principal) : { known: true, principal }
}

function refuse(why: string): Identity {
  return { known: false, code: 'bad-jwt', detail: `that JWT is not taken: ${why}`, fix: 'get another of its issuer' }
}
