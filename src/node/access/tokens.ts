/**
 * Tokens of the local API: made, listed, revoked, recognised. What is stored of a token is the SHA-256 of its text. It
 * has 256 random bits, so that a slow hash would guard nothing.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { faultOfTenantRole, type AccessRole, type Principal } from '../../model/access.ts'
import type { TokenRequest } from '../../model/access-api.ts'
import type { TokenCreated, TokenView } from '../../model/access-view.ts'
import type { AuditDraft } from '../../model/audit.ts'
import { StoreError } from '../../store/errors.ts'
import type { Store, Write } from '../../store/store.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import type { MeshLoop } from '../loop.ts'
import { OperationError, type TokenCheck, type TokenOperations } from '../operations.ts'

/** Tokens that are kept, those that ended included. */
const MOST_TOKENS = 1_000
/** How long one that ended is listed. */
const KEPT_AFTER_END_MS = 30 * 24 * 60 * 60 * 1000
/** When a token was last used is stored this often at most. */
const USED_EVERY_MS = 60_000
/** `alth_<id>_<secret>`: secret scanners know what begins so, and the id says which hash to compare with. */
const TOKEN = /^alth_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/

/** A token as it is stored. */
interface StoredToken {
  readonly id: string
  readonly name: string
  readonly role: AccessRole
  readonly tenant?: string
  readonly hash: Uint8Array
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly revokedAtMs?: number
  readonly usedAtMs?: number
}

/** What it needs of its daemon. */
export interface TokensOptions {
  readonly store: Store
  readonly loop: Pick<MeshLoop, 'writeDurably' | 'writeWhenPossible'>
  /** A clock that never goes back: an expired token must not come back to life. */
  readonly nowMs: () => number
  readonly log: Logger
}

export class Tokens implements TokenOperations {
  readonly #options: TokensOptions
  readonly #byId = new Map<string, StoredToken>()
  /** Revoked ones of which the disk may not know. */
  readonly #unstored = new Set<string>()
  readonly #listeners = new Set<(id: string) => void>()

  constructor(options: TokensOptions) {
    this.#options = options
    for (const doc of options.store.load('token').values()) {
      const token = doc as StoredToken
      this.#byId.set(token.id, token)
    }
  }

  /** @throws OperationError `invalid`, `conflict` when a live one has the name, `busy` when there are too many */
  create({ name, role, tenant, ttlMs }: TokenRequest): TokenCreated {
    const nowMs = this.#options.nowMs()
    const fault = faultOfTenantRole(role, tenant)
    if (fault !== undefined) throw new OperationError('invalid', fault)
    const same = this.#live(nowMs).find((token) => token.name === name)
    if (same !== undefined) {
      throw new OperationError('conflict', `a live token is called ${name} already`, {
        fix: `choose another name, or revoke it: althing token revoke ${name}`,
      })
    }
    const dropped = this.#longEnded(nowMs)
    if (this.#byId.size - dropped.length >= MOST_TOKENS) {
      throw new OperationError('busy', `this daemon keeps ${MOST_TOKENS} tokens at most`, {
        fix: 'tokens that ended go by themselves after 30 days; make fewer that live for longer',
      })
    }
    const id = randomBytes(5).toString('hex')
    const text = `alth_${id}_${randomBytes(32).toString('base64url')}`
    const token: StoredToken = {
      ...{ id, name, role, hash: sha256(text), createdAtMs: nowMs, expiresAtMs: nowMs + ttlMs },
      ...(tenant !== undefined && { tenant }),
    }
    // Stored before it counts.
    const gone = dropped.map((key): Write => ({ collection: 'token', key, doc: null }))
    this.#options.loop.writeDurably([writeOf(token), ...gone], [{ type: 'token.created', token: id, name, role }])
    for (const each of dropped) this.#forget(each)
    this.#byId.set(id, token)
    return { ...viewOf(token, nowMs), token: text }
  }

  /** The newest first. */
  list(): TokenView[] {
    const nowMs = this.#options.nowMs()
    return [...this.#byId.values()]
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs)
      .map((token) => viewOf(token, nowMs))
  }

  /**
   * By id, or by the name of a live one. It is dead at once, and whatever it has open ends, whether that can be stored
   * or not: one that lets somebody in must not go on because a disk is full.
   * @throws OperationError `not-found`, `conflict`; StoreError when a restart could bring it back, try again then
   */
  revoke(idOrName: string): TokenView {
    const nowMs = this.#options.nowMs()
    const token = this.#byId.get(idOrName) ?? this.#named(idOrName, nowMs)
    if (token === undefined) {
      throw new OperationError('not-found', `there is no live token ${idOrName}`, {
        fix: '`althing token list` lists them',
      })
    }
    const { id, name, role } = token
    const isAgain = this.#unstored.has(id)
    if (token.revokedAtMs !== undefined && !isAgain)
      throw new OperationError('conflict', `token ${name} is revoked already`)
    const revoked = { revokedAtMs: nowMs, ...token }
    this.#byId.set(id, revoked)
    for (const listener of this.#listeners) listener(id)
    this.#storeEnd(revoked, isAgain ? [] : [{ type: 'token.revoked', token: id, name, role }])
    return viewOf(revoked, nowMs)
  }

  #storeEnd(token: StoredToken, events: readonly AuditDraft[]): void {
    const { loop } = this.#options
    const writes = [writeOf(token)]
    try {
      loop.writeDurably(writes, events)
      this.#unstored.delete(token.id)
    } catch (error) {
      this.#unstored.add(token.id)
      loop.writeWhenPossible(writes, events)
      throw new StoreError(
        error instanceof StoreError ? error.code : 'io',
        `token ${token.name} is revoked, but that could not be stored: ${messageOf(error)}`,
        {
          cause: error,
          fix:
            'make room on the disk and revoke it again; until that works it would come back if the daemon ended, ' +
            'which goes on trying',
        },
      )
    }
  }

  /** Whose token a text is. */
  check(text: string): TokenCheck {
    const stored = this.#byId.get(TOKEN.exec(text)?.[1] ?? '')
    // Compared with something in any case: the time taken does not say whether there is such an id.
    const isRight = timingSafeEqual(sha256(text), stored?.hash ?? NOTHING)
    if (stored === undefined || !isRight) return { ok: false, code: 'wrong-token' }
    const nowMs = this.#options.nowMs()
    if (stored.revokedAtMs !== undefined) return { ok: false, code: 'revoked-token' }
    if (nowMs >= stored.expiresAtMs) return { ok: false, code: 'expired-token' }
    this.#use(stored, nowMs)
    return { ok: true, principal: principalOf(stored) }
  }

  live(): number {
    return this.#live(this.#options.nowMs()).length
  }

  onRevoked(listener: (id: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #live(nowMs: number): StoredToken[] {
    return [...this.#byId.values()].filter((token) => stateOf(token, nowMs) === 'live')
  }

  #longEnded(nowMs: number): string[] {
    const ended = [...this.#byId.values()].filter(
      ({ revokedAtMs, expiresAtMs }) => Math.min(revokedAtMs ?? Infinity, expiresAtMs) + KEPT_AFTER_END_MS < nowMs,
    )
    return ended.map(({ id }) => id)
  }

  /** A live one. One whose end could not be stored is meant by its name, too, so that it can be tried again. */
  #named(name: string, nowMs: number): StoredToken | undefined {
    const unstored = [...this.#unstored].flatMap((id) => this.#byId.get(id) ?? [])
    return [...this.#live(nowMs), ...unstored].find((token) => token.name === name)
  }

  #forget(id: string): void {
    this.#byId.delete(id)
    this.#unstored.delete(id)
  }

  #use(token: StoredToken, nowMs: number): void {
    if (token.usedAtMs !== undefined && nowMs - token.usedAtMs < USED_EVERY_MS) return
    const used = { ...token, usedAtMs: nowMs }
    this.#byId.set(token.id, used)
    try {
      this.#options.store.write([writeOf(used)])
    } catch (error) {
      // When it was used is for people to see; a full disk must not lock them out.
      this.#options.log.warn({ token: token.name, error: messageOf(error) }, 'the use of a token could not be stored')
    }
  }
}

/** No text has this hash that anybody could find. */
const NOTHING = new Uint8Array(32)

function writeOf(token: StoredToken): Write {
  return { collection: 'token', key: token.id, doc: token }
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}

function stateOf({ revokedAtMs, expiresAtMs }: StoredToken, nowMs: number): TokenView['state'] {
  if (revokedAtMs !== undefined) return 'revoked'
  return nowMs >= expiresAtMs ? 'expired' : 'live'
}

function viewOf(token: StoredToken, nowMs: number): TokenView {
  const { hash: _hash, ...shown } = token
  return { ...shown, state: stateOf(token, nowMs) }
}

function principalOf({ id, name, role, tenant, expiresAtMs }: StoredToken): Principal {
  return { by: 'token', name, role, tokenId: id, expiresAtMs, ...(tenant !== undefined && { tenant }) }
}
