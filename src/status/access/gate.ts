/** Lets in who is known and may do what is asked, and answers the others: 401, 403, or 429 after too many failures. */
import { LEAST_ROLE, may, type Principal, type Right } from '../../model/access.ts'
import type { Logger } from '../../util/logger.ts'
import { TokenBucket } from '../../util/token-bucket.ts'
import { ApiError } from '../problem.ts'
import { Attempts } from './attempts.ts'
import { identify, type IdentifyOptions, type Identity, type Shown, type UnknownCode } from './identify.ts'

/** What the gate needs. */
export interface GateOptions extends IdentifyOptions {
  /** A clock that never goes back. */
  readonly nowMs: () => number
  readonly log: Logger
}

/** What is asked for, for the log: without the query. */
export interface Wish {
  readonly right: Right | 'open'
  readonly method: string
  readonly path: string
}

/** Lines a second and at once that failures may write, whoever they are of. */
const LOG_RATE = { perSecond: 1, burst: 60 }

export class Gate {
  readonly #options: GateOptions
  readonly #attempts: Attempts
  readonly #logged: TokenBucket
  /** By the code of the refusal. */
  readonly #failures = new Map<UnknownCode | 'not-allowed' | 'too-many-attempts', number>()

  constructor(options: GateOptions) {
    this.#options = options
    this.#attempts = new Attempts(options.nowMs)
    this.#logged = new TokenBucket(LOG_RATE.perSecond, LOG_RATE.burst, options.nowMs())
  }

  /** @returns who asks; undefined for nobody in particular, which only open routes allow. @throws ApiError */
  async admit(shown: Shown, wish: Wish): Promise<Principal | undefined> {
    const isOpen = wish.right === 'open'
    // A browser that shows the page sends nothing, and need not be looked at.
    if (isOpen && shown.authorization === undefined && shown.channel !== 'socket') return undefined
    this.#refuseTooMany(shown)
    const identity = await identify(shown, this.#options)
    if (!identity.known) {
      this.#note(shown, wish, identity.code)
      if (isOpen) return undefined
      throw unauthenticated(identity)
    }
    const { principal } = identity
    if (wish.right === 'open' || may(principal, wish.right)) return principal
    this.#count('not-allowed')
    throw notAllowed(principal, wish.right)
  }

  /** Samples for /metrics. */
  metrics(): Record<string, number> {
    const samples: Record<string, number> = {}
    for (const [code, count] of this.#failures) samples[`api_refused_total{reason="${code}"}`] = count
    return samples
  }

  /**
   * Before a token is looked at. Not on loopback: there all programs have one address, and one that fails on purpose
   * would shut out the page.
   */
  #refuseTooMany({ channel, address, authorization }: Shown): void {
    if (channel !== 'remote' || address === undefined || authorization === undefined) return
    const waitMs = this.#attempts.waitMs(address)
    if (waitMs === 0) return
    this.#count('too-many-attempts')
    throw new ApiError(429, 'too-many-attempts', `too many failed attempts from ${address}`, {
      fix: 'wait as long as Retry-After says, and check the token',
      headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) },
    })
  }

  #note({ channel, address = 'unknown' }: Shown, { method, path }: Wish, code: UnknownCode): void {
    this.#count(code)
    // Nothing shown is nothing tried.
    if (code === 'no-token') return
    const isTaken = this.#attempts.failed(address)
    if (!isTaken || !this.#logged.take(this.#options.nowMs())) return
    this.#options.log.warn({ channel, address, reason: code, method, path }, 'somebody was not let in')
  }

  #count(code: UnknownCode | 'not-allowed' | 'too-many-attempts'): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1)
  }
}

/** RFC 6750, section 3. */
function unauthenticated({ code, detail, fix }: Extract<Identity, { known: false }>): ApiError {
  const error = code === 'no-token' ? '' : ', error="invalid_token"'
  return new ApiError(401, code, detail, { fix, headers: { 'www-authenticate': `Bearer realm="althing"${error}` } })
}

function notAllowed({ name, role, tenant }: Principal, right: Right): ApiError {
  const who = tenant === undefined ? `${name} has role ${role}` : `${name} has role ${role} of tenant ${tenant}`
  const needed = LEAST_ROLE[right]
  const fix =
    tenant !== undefined && may({ role }, right)
      ? 'ask with a token that has no tenant'
      : `ask with a token that has role ${needed}${needed === 'admin' ? '' : ' or more'}`
  return new ApiError(403, 'not-allowed', `this needs the right ${right}; ${who}`, { fix })
}
