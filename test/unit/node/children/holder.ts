/** Tries to lock the data directory at argv[2]; says `held` and keeps it until stdin ends, or says why not. */
import { LockError, lockDataDir } from '../../../../src/node/lock.ts'

// Started as root, it can be told to be somebody who may not write everywhere.
const uid = Number(process.argv[3] ?? 0)
if (uid !== 0) process.setuid?.(uid)

try {
  const lock = lockDataDir(String(process.argv[2]))
  console.log('held')
  process.stdin.resume()
  process.stdin.once('end', () => lock.release())
} catch (error) {
  if (!(error instanceof LockError)) throw error
  console.log(`${error.code}: ${error.message}`)
}
