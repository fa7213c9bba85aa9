import { renameSync, writeFileSync } from 'node:fs'
import { keptCodeOf } from '../../bin/run-bundle.cjs'

/** Whoever starts at this moment finds the old code, which is none of the new bundle, or the new one as a whole. */
export function writeCode(bundle: string, code: Uint8Array): void {
  const file = keptCodeOf(bundle)
  writeFileSync(`${file}.new`, code)
  renameSync(`${file}.new`, file)
}
