/** Daemons that run as an ordinary user, also where the tests run as root. */
import { accessSync, chownSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { spawn as spawnHere, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { dirname, join, resolve } from 'node:path'
import { freshDataDir } from './daemon.ts'
import { requireOrSkip } from './require.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** `nobody`, who is on every Linux and owns nothing. */
const NOBODY = 65_534

const isRoot = process.getuid?.() === 0

/** Skips what runs, where root runs the tests in a folder that others cannot read. */
export function requireUnprivileged(context: Mocha.Context): void {
  const folders: string[] = []
  for (let at = ROOT; at !== dirname(at); at = dirname(at)) folders.push(at)
  const readable = !isRoot || folders.every((folder) => (statSync(folder).mode & 0o005) === 0o005)
  requireOrSkip(context, readable, `other users than root cannot read ${ROOT}`)
}

/** A data directory and a home with a secret in it, both of the user that `asUser` runs as. */
export function placesOfUser(): { readonly dataDir: string; readonly home: string; readonly secret: string } {
  const [dataDir, home] = [freshDataDir(), freshDataDir()]
  const secret = join(home, '.ssh', 'id_ed25519')
  mkdirSync(dirname(secret))
  writeFileSync(secret, 'secret of the home')
  if (isRoot) for (const path of [dataDir, home, dirname(secret), secret]) chownSync(path, NOBODY, NOBODY)
  return { dataDir, home, secret }
}

/** As `spawn`, without root's rights. */
export function asUser(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  if (!isRoot) return spawnHere(command, args, options)
  accessSync(command, constants.X_OK)
  const words = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--', command, ...args]
  return spawnHere('setpriv', words, options)
}

/**
 * As `spawn`, where a shell has first changed the machine: in a mount namespace of its own and, for all but root, in a
 * user namespace in which it is root.
 */
export function after(script: string) {
  const how = isRoot ? ['--mount'] : ['--mount', '--user', '--map-root-user']
  return (command: string, args: readonly string[], options: SpawnOptions): ChildProcess =>
    spawnHere('unshare', [...how, 'sh', '-c', `${script}\nexec "$@"`, 'sh', command, ...args], options)
}
