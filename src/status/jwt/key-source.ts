/**
 * Where the keys of an issuer come from: a file, or an address. They are kept, and asked for again when they are old or
 * a token names one that is not among them; neither somebody who makes up names of keys nor an issuer that is down
 * makes this ask more often than every half minute.
 */
import { readFileSync, statSync } from 'node:fs'
import { get as getPlain, type IncomingMessage } from 'node:http'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { keysFor, MOST_SET_BYTES, readKeySet, type IssuerKey } from './keys.ts'
import type { ParsedJwt } from './token.ts'

/** Older keys are asked for again before they are used. */
export const FRESH_MS = 10 * 60 * 1000
/** Between two questions, at least. */
export const PAUSE_MS = 30_000
/** When the issuer does not answer, its keys hold for so long. */
export const STALE_MS = 24 * 60 * 60 * 1000
/** How long the issuer has for its answer. */
const ANSWER_MS = 5_000

/** What it needs besides the place. */
export interface KeySourceOptions {
  /** A clock that never goes back. */
  readonly nowMs: () => number
  readonly log: Logger
  /** @default 5000 */
  readonly answerMs?: number
}

export class KeySource {
  readonly #where: string
  readonly #options: KeySourceOptions
  #keys: readonly IssuerKey[] = []
  #readAtMs = -Infinity
  #askedAtMs = -Infinity
  #asking: Promise<void> | undefined
  #stamp = ''
  /** Why the last attempt gave no key: said once. */
  #fault: string | undefined

  /** @param where a path, or an address that begins with https: or, on this machine, http: */
  constructor(where: string, options: KeySourceOptions) {
    this.#where = where
    this.#options = options
  }

  /** Whether the keys lie in a file of this machine. */
  get isFile(): boolean {
    return !/^https?:/.test(this.#where)
  }

  /** Why no key counts at present, or undefined. */
  get #without(): string | undefined {
    return this.#keys.length === 0 ? 'it has no key for RS256, ES256 or EdDSA' : undefined
  }

  /** Reads a file of keys that must have some. @throws Error when it cannot be used */
  readFile(): void {
    this.#lookAtFile()
    if (this.#without !== undefined) throw new Error(this.#without)
  }

  /** Reads the file when it has changed. One that is gone has no keys. @throws Error; otherwise what was known stays */
  #lookAtFile(): void {
    const found = statSync(this.#where, { throwIfNoEntry: false })
    if (found === undefined) {
      this.#keys = []
      this.#stamp = ''
      throw new Error('there is no such file')
    }
    const { dev, ino, size, mtimeMs } = found
    const stamp = `${dev}:${ino}:${size}:${mtimeMs}`
    if (stamp !== this.#stamp) {
      if (size > MOST_SET_BYTES) throw new Error(`it is larger than ${MOST_SET_BYTES / 1024} KiB`)
      this.#take(readFileSync(this.#where, 'utf8'))
      this.#stamp = stamp
    }
    this.#readAtMs = this.#options.nowMs()
  }

  /** The keys a token may have been signed with. Never throws: without keys there are none. */
  async keysFor(token: Pick<ParsedJwt, 'alg' | 'kid'>): Promise<IssuerKey[]> {
    const nowMs = this.#options.nowMs()
    // A file is looked at each time: a key that was taken out of it must not go on counting.
    if (nowMs - this.#readAtMs >= (this.isFile ? FILE_PAUSE_MS : FRESH_MS)) await this.#ask()
    let found = this.#known(token)
    if (found.length === 0) {
      await this.#ask()
      found = this.#known(token)
    }
    return found
  }

  #known(token: Pick<ParsedJwt, 'alg' | 'kid'>): IssuerKey[] {
    if (!this.isFile && this.#options.nowMs() - this.#readAtMs >= STALE_MS) return []
    return keysFor(this.#keys, token)
  }

  /** One question at a time, whoever waits for its answer. */
  async #ask(): Promise<void> {
    const nowMs = this.#options.nowMs()
    const pauseMs = this.isFile ? FILE_PAUSE_MS : PAUSE_MS
    if (nowMs - this.#askedAtMs >= pauseMs) {
      this.#askedAtMs = nowMs
      this.#asking = this.#fetch()
    }
    await this.#asking
  }

  async #fetch(): Promise<void> {
    const fault = await this.#faultOfLook()
    if (fault !== undefined && fault !== this.#fault) {
      const kept = this.#keys.length
      this.#options.log.warn({ jwks: this.#where, error: fault, kept }, 'the keys of the issuer of JWTs cannot be used')
    }
    this.#fault = fault
  }

  async #faultOfLook(): Promise<string | undefined> {
    try {
      if (this.isFile) this.#lookAtFile()
      else this.#take(await download(this.#where, this.#options.answerMs ?? ANSWER_MS))
      return this.#without
    } catch (error) {
      return messageOf(error)
    }
  }

  /** One without a key of use is a set, too: so an issuer takes back all of them. @throws Error for what is no set */
  #take(text: string): void {
    const keys = readKeySet(text)
    if (typeof keys === 'string') throw new Error(keys)
    this.#keys = keys
    this.#readAtMs = this.#options.nowMs()
  }
}

/** A look at a file costs nothing to speak of. */
const FILE_PAUSE_MS = 1_000

/** The body of an answer; no redirect is followed, and no more is read than a set may have. @throws Error */
async function download(address: string, answerMs: number): Promise<string> {
  const signal = AbortSignal.timeout(answerMs)
  const get = address.startsWith('https:') ? (await import('node:https')).get : getPlain
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(address, { signal, agent: false, headers: { accept: 'application/json' } }, resolve).once('error', reject)
  })
  if (response.statusCode !== 200) {
    response.destroy()
    throw new Error(`it answered ${response.statusCode}`)
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop destroys the response.
    if (size > MOST_SET_BYTES) throw new Error(`its answer is larger than ${MOST_SET_BYTES / 1024} KiB`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
