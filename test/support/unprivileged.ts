/** Daemons that run as an ordinary user, also where the tests run as root. */
import { accessSync, chmodSync, chownSync, constants, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { spawn as spawnHere, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { freshDataDir } from './daemon.ts'
import { requireOrSkip } from './require.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** `nobody`, who is on every Linux and owns nothing. */
const NOBODY = 65_534

const isRoot = process.getuid?.() === 0

/** Whether an ordinary user can read what the tests run, where root may keep it to itself. */
function isReadable(): boolean {
  const folders: string[] = []
  for (let at = ROOT; at !== dirname(at); at = dirname(at)) folders.push(at)
  return !isRoot || folders.every((folder) => (statSync(folder).mode & 0o005) === 0o005)
}

/** Where an ordinary user sees the tree that root keeps to itself; made when first asked for, and a mount of each. */
let window: string | undefined

function windowOnTree(): string {
  if (window === undefined) {
    window = mkdtempSync(join(tmpdir(), 'althing-tree-'))
    chmodSync(window, 0o755)
  }
  return window
}

/** Skips what runs, where root runs the tests in a folder that others cannot read and may not mount either. */
export function requireUnprivileged(context: Mocha.Context): void {
  const canMount = isReadable() || spawnSync('unshare', ['--mount', 'true']).status === 0
  requireOrSkip(context, canMount, `other users than root cannot read ${ROOT}, and root may not mount`)
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
  const user = ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--']
  if (isReadable()) return spawnHere(user[0]!, [...user.slice(1), command, ...args], options)
  const seen = windowOnTree()
  const words = [command, ...args].map((word) => (word.startsWith(ROOT) ? `${seen}${word.slice(ROOT.length)}` : word))
  const mount = ['--mount', 'sh', '-c', 'mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"', ROOT, seen]
  return spawnHere('unshare', [...mount, ...user, ...words], { cwd: '/', ...options })
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
