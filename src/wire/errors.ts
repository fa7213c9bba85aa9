/** What can be wrong with bytes from elsewhere. One code per reason, so that refusals can be counted by name. */
import { AlthingError } from '../util/errors.ts'

/** Why bytes are refused. */
export type WireErrorCode =
  /** More bytes or items than the limit. */
  | 'too-large'
  /** Nested deeper than the limit. */
  | 'too-deep'
  /** Not this format, or a value this format does not carry. */
  | 'malformed'
  /** The right format, but not the one way to write this value. */
  | 'not-canonical'
  /** An envelope without a signature. */
  | 'unsigned'
  /** The signature is not the key's over these bytes in this domain. */
  | 'bad-signature'
  /** A signed envelope of another application, or of another kind than it says. */
  | 'wrong-domain'
  /** The record names another author than the key that signed it. */
  | 'wrong-author'
  /** A kind that is not known, or not expected here. */
  | 'unknown-kind'
  /** Made later than our clock allows. */
  | 'future-dated'

/** Bytes that are refused. Nothing of them has been used. */
export class WireError extends AlthingError<WireErrorCode> {}
