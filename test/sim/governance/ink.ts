/**
 * Keys and statements without cryptography: a key is a name, and a statement says who signed it. The core sees no
 * difference, since it is only ever told who signed.
 */
import type { StatementKind } from '../../../src/wire/limits.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { sha256Hex } from '../../../src/util/sha256.ts'

const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** The key of a number, in the form of a peer id. */
export function keyOf(index: number): string {
  const digits = DIGITS[Math.floor(index / DIGITS.length) % DIGITS.length]! + DIGITS[index % DIGITS.length]!
  return `12D3KooW${'1'.repeat(42)}${digits}`
}

const text = new TextEncoder()

/** Statements as they travel in this world, by their bytes. */
export class Ink {
  readonly #known = new Map<string, VerifiedStatement>()

  sign(kind: StatementKind, body: unknown, signers: readonly string[]): VerifiedStatement {
    const hash = sha256Hex(text.encode(JSON.stringify([kind, body])))
    const sorted = [...new Set(signers)].toSorted()
    const bytes = text.encode(`${hash} ${sorted.join(' ')}`)
    const statement: VerifiedStatement = { kind, hash, body, signers: sorted, signatures: [], bytes }
    this.#known.set(new TextDecoder().decode(bytes), statement)
    return statement
  }

  /** What some bytes say; nobody can make others than were signed. */
  read(bytes: Uint8Array): VerifiedStatement {
    return this.#known.get(new TextDecoder().decode(bytes))!
  }
}
