/**
 * Secrets of one daemon below its data directory: the node's Ed25519 seed and the API token. Made at the
 * first start, readable by their owner only, and refused when they have become readable by others.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { AlthingError, messageOf } from '../util/errors.ts'

/** A secret that cannot be used; `fix` says what to do. */
export class IdentityError extends AlthingError<'unreadable-secret' | 'damaged-secret' | 'exposed-secret'> {}

/** Bytes of an Ed25519 seed, RFC 8032. */
const SEED_BYTES = 32
/** 256 bits: beyond guessing. */
const TOKEN_BYTES = 32

/** The node's key, made on first use. @throws IdentityError */
export function loadSeed(dataDir: string): Uint8Array {
  return loadKeyFile(
    join(dataDir, 'identity.key'),
    'restore it from a backup; removing it gives this node a new identity that nobody trusts yet',
  )
}

/** The key that is to follow the node's present one, made on first use: a rotation that broke off goes on with it. */
export function loadNextSeed(dataDir: string): Uint8Array {
  return loadKeyFile(join(dataDir, NEXT), 'remove it: a new one is made')
}

/** Whether a rotation was begun and not ended. */
export function hasNextSeed(dataDir: string): boolean {
  return existsSync(join(dataDir, NEXT))
}

/** Puts the next key in the place of the present one. */
export function useNextSeed(dataDir: string): void {
  renameSync(join(dataDir, NEXT), join(dataDir, 'identity.key'))
}

/** Forgets the node's key: the next start makes another. */
export function dropIdentity(dataDir: string): void {
  rmSync(join(dataDir, 'identity.key'), { force: true })
}

const NEXT = 'identity.next.key'

/** An Ed25519 seed in a file of its own, made on first use. @throws IdentityError */
export function loadKeyFile(path: string, fix: string): Uint8Array {
  const text = loadSecret(path, () => randomBytes(SEED_BYTES).toString('hex'))
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new IdentityError('damaged-secret', `${path} does not hold a key of 64 hex digits`, { fix })
  }
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** The bearer token of the loopback API, made on first use. @throws IdentityError */
export function loadToken(dataDir: string): string {
  const path = join(dataDir, 'api-token')
  const token = loadSecret(path, () => randomBytes(TOKEN_BYTES).toString('base64url'))
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) {
    throw new IdentityError('damaged-secret', `${path} does not hold a token`, {
      fix: `remove ${path}: a new one is made at the next start`,
    })
  }
  return token
}

function loadSecret(path: string, make: () => string): string {
  try {
    return readSecret(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error)
  }
  const secret = make()
  try {
    // `wx`: whoever else makes it at the same moment wins, and is read below.
    const fd = openSync(path, 'wx', 0o600)
    try {
      writeSync(fd, `${secret}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    return secret
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readSecret(path)
    throw unreadable(path, error)
  }
}

function readSecret(path: string): string {
  const text = readFileSync(path, 'utf8').trim()
  const mode = statSync(path).mode & 0o077
  if (process.platform !== 'win32' && mode !== 0) {
    throw new IdentityError(
      'exposed-secret',
      `${path} is open to other users (mode ${(statSync(path).mode & 0o777).toString(8)})`,
      {
        fix: `chmod 600 ${path}, and remove it instead if someone may have read it`,
      },
    )
  }
  return text
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof IdentityError) return error
  return new IdentityError('unreadable-secret', `${path} cannot be used: ${messageOf(error)}`, {
    cause: error,
    fix: 'run the daemon as the user who owns the data directory',
  })
}
