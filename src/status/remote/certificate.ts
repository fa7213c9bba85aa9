/** The certificate the API shows beyond loopback: read from its files, and again when they have changed. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { ListenError } from '../listen.ts'

/** Where it lies: PEM, the certificate before those of its issuers. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A chain and its key, as TLS takes them. */
export interface Loaded {
  readonly cert: Buffer
  readonly key: Buffer
}

/** How often is looked whether the files have changed, at most. */
const LOOK_EVERY_MS = 1_000
/** A chain and a key of any kind are far smaller. */
const MOST_BYTES = 256 * 1024

export class Certificate {
  readonly #files: CertificateFiles
  readonly #nowMs: () => number
  readonly #log: Logger
  #loaded: Loaded
  #parsed: X509Certificate
  #stamp: string
  #lookedAtMs: number

  /** @throws ListenError `bad-certificate`, `expired-certificate` */
  constructor(files: CertificateFiles, nowMs: () => number, log: Logger) {
    this.#files = files
    this.#nowMs = nowMs
    this.#log = log
    this.#stamp = stampOf(files)
    const { loaded, parsed } = load(files, nowMs())
    this.#loaded = loaded
    this.#parsed = parsed
    this.#lookedAtMs = nowMs()
  }

  get current(): Loaded {
    return this.#loaded
  }

  /**
   * Whether it speaks for a host, given as a name or an address without brackets. Names of its subject do not count, as
   * in browsers.
   */
  isFor(host: string): boolean {
    if (isIP(host) !== 0) return this.#parsed.checkIP(host) !== undefined
    return this.#parsed.checkHost(host, { subject: 'never' }) !== undefined
  }

  /**
   * Looks at the files again, unless it did a moment ago. Asked at each connection, so that no timer runs and links of
   * any kind may be replaced. A faulty pair is logged once, and the one before goes on.
   * @returns the new pair, when there is one
   */
  renewed(): Loaded | undefined {
    const nowMs = this.#nowMs()
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return undefined
    this.#lookedAtMs = nowMs
    const stamp = stampOf(this.#files)
    if (stamp === this.#stamp) return undefined
    this.#stamp = stamp
    try {
      const { loaded, parsed } = load(this.#files, nowMs)
      this.#loaded = loaded
      this.#parsed = parsed
      this.#log.info({ validTo: parsed.validTo }, 'the certificate of the API was read again')
      return loaded
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'the new certificate of the API cannot be used; the old one goes on')
      return undefined
    }
  }
}

/** What changes when a file does. */
function stampOf({ certFile, keyFile }: CertificateFiles): string {
  return [certFile, keyFile]
    .map((path) => {
      const found = statSync(path, { throwIfNoEntry: false })
      return found === undefined ? 'none' : `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`
    })
    .join(' ')
}

function load({ certFile, keyFile }: CertificateFiles, nowMs: number): { loaded: Loaded; parsed: X509Certificate } {
  const cert = read(certFile, 'certificate')
  const key = read(keyFile, 'key')
  if (process.platform !== 'win32' && (statSync(keyFile).mode & 0o007) !== 0)
    throw bad(`the key ${keyFile} is open to all users`, `chmod o= ${keyFile}`)
  const parsed = attempt(() => new X509Certificate(cert), `${certFile} is no certificate in PEM`)
  const privateKey = attempt(() => createPrivateKey(key), `${keyFile} is no private key in PEM without a passphrase`)
  if (!parsed.checkPrivateKey(privateKey)) throw bad(`${keyFile} is not the key of ${certFile}`, BOTH)
  if (parsed.validToDate.getTime() <= nowMs) {
    throw new ListenError('expired-certificate', `${certFile} expired on ${parsed.validTo}`, {
      fix: 'renew it: put another in its place, which is taken within seconds',
    })
  }
  return { loaded: { cert, key }, parsed }
}

const BOTH = 'name the two files of one certificate by --tls-cert and --tls-key'

function read(path: string, what: string): Buffer {
  const bytes = attempt(() => readFileSync(path), `the ${what} ${path} cannot be read`)
  if (bytes.length > MOST_BYTES) throw bad(`${path} is too large for a ${what}`, BOTH)
  return bytes
}

function attempt<T>(work: () => T, what: string): T {
  try {
    return work()
  } catch (error) {
    throw bad(`${what}: ${messageOf(error)}`, BOTH)
  }
}

function bad(message: string, fix: string): ListenError {
  return new ListenError('bad-certificate', message, { fix })
}
