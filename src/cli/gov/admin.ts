/**
 * The key of an admin on this machine, and what it has promised by signing: both in the data directory, for their
 * owner alone. The promise is on disk before the signature exists: a key signs one child of an entry, whatever
 * happens in between.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { faultOfRefusing, faultOfSigning, type PromiseFault, type Promises } from '../../governance/promises.ts'
import { StatementHash } from '../../model/governance.ts'
import { loadKeyFile } from '../../node/identity.ts'
import { messageOf } from '../../util/errors.ts'
import { makeDirectory } from '../../util/make-directory.ts'
import { makeStatement, statementSigner, withSignatures, type VerifiedStatement } from '../../wire/statement.ts'
import { CliError } from '../errors.ts'

/** In the data directory. */
export const ADMIN_KEY = 'admin.key'
export const RECOVERY_KEY = 'recovery.key'

const Stored = z.strictObject({
  signed: z.record(StatementHash, StatementHash),
  refused: z.array(StatementHash),
})

const FAULTS: Readonly<Record<PromiseFault, { readonly message: string; readonly fix: string }>> = {
  'refused-before': {
    message: 'this key has refused this proposal, and never signs it',
    fix: 'let another admin make a new one: `althing gov propose`',
  },
  'signed-another': {
    message: 'this key has signed another proposal for the same place in the log; to sign both would fork it',
    fix:
      'let the other admins refuse that: `althing gov proposals`, `althing gov refuse ID`; where no daemon knows of ' +
      'it, give its file to `althing gov sign --instead-of FILE`',
  },
  'signed-before': {
    message: 'this key has signed this proposal; that cannot be taken back',
    fix: 'the other admins can refuse it: enough refusals free who signed it',
  },
}

/** The key of an admin, in a file. */
export class AdminKey {
  readonly #path: string
  readonly #signer: ReturnType<typeof statementSigner>

  /** Opens the key, making it when there is none. @throws IdentityError */
  constructor(path: string) {
    makeDirectory(dirname(path), 0o700)
    this.#path = path
    this.#signer = statementSigner(loadKeyFile(path, 'restore it from a backup; who lost it has to be replaced'))
  }

  /** In the data directory of the daemon. */
  static in(dataDir: string, name = ADMIN_KEY): AdminKey {
    return new AdminKey(join(dataDir, name))
  }

  get id(): string {
    return this.#signer.id
  }

  /** Whether it is free to sign. @param isDead whether an entry can never be valid @throws CliError when it is not */
  check(entry: VerifiedStatement, parent: string, isDead: (hash: string) => boolean): void {
    refuseIf(faultOfSigning(this.#promises(), parent, entry.hash, isDead))
  }

  /** Promises, durably, and signs. @throws CliError as `check` does */
  sign(entry: VerifiedStatement, parent: string, isDead: (hash: string) => boolean): VerifiedStatement {
    this.check(entry, parent, isDead)
    const promises = this.#promises()
    this.#write({ ...promises, signed: { ...promises.signed, [parent]: entry.hash } })
    return withSignatures(entry, [this.#signer])
  }

  /** Promises, durably, never to sign an entry. @throws CliError */
  refuse(entry: VerifiedStatement, cluster: string, parent: string): VerifiedStatement {
    const promises = this.#promises()
    refuseIf(faultOfRefusing(promises, parent, entry.hash))
    this.#write({ ...promises, refused: [...new Set([...promises.refused, entry.hash])] })
    return makeStatement('refusal', { cluster, admin: this.id, parent, entry: entry.hash }, [this.#signer])
  }

  get #promisesPath(): string {
    return `${this.#path}.promises`
  }

  #promises(): Promises {
    if (!existsSync(this.#promisesPath)) return { signed: {}, refused: [] }
    try {
      return Stored.parse(JSON.parse(readFileSync(this.#promisesPath, 'utf8')))
    } catch (cause) {
      throw new CliError(
        'damaged-promises',
        `${this.#promisesPath} cannot be read: ${messageOf(cause).slice(0, 200)}`,
        {
          cause,
          fix: 'restore it from a backup: without it this key could sign two entries for one place, and fork the log',
        },
      )
    }
  }

  #write(promises: Promises): void {
    const next = `${this.#promisesPath}.new`
    const fd = openSync(next, 'w', 0o600)
    try {
      writeSync(fd, `${JSON.stringify(promises)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(next, this.#promisesPath)
    const directory = openSync(dirname(this.#promisesPath), 'r')
    try {
      fsyncSync(directory)
    } finally {
      closeSync(directory)
    }
  }
}

function refuseIf(fault: PromiseFault | undefined): void {
  if (fault === undefined) return
  const { message, fix } = FAULTS[fault]
  throw new CliError(fault, message, { fix })
}
