/**
 * The `/etc` of isolated tasks: a folder of our own with copies of small files that programs read and that tell nothing
 * of their host, mounted as a whole, and over it a few of the host's own folders. Each mount takes bwrap a third of a
 * millisecond, since it reads the list of all mounts for it.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { TASK_LIMITS } from '../../../model/defaults.ts'

/** The user a task is inside, and its home; on the host it is the daemon's user. */
export const INSIDE_USER = { id: '1000', home: '/work' } as const

const { id: ID } = INSIDE_USER

/** The same on all machines. Names are sought in files alone: without a network there is nobody else to ask. */
const MADE: Readonly<Record<string, string>> = {
  passwd: `task:x:${ID}:${ID}::${INSIDE_USER.home}:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n`,
  group: `task:x:${ID}:\nnogroup:x:65534:\n`,
  hosts: '127.0.0.1 localhost\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
}

/** Copied when the sandbox is examined: at each start of the daemon, and by `althing doctor`. */
const COPIED = [
  'debian_version',
  'gai.conf',
  'host.conf',
  'inputrc',
  'locale.alias',
  'localtime',
  'magic',
  'mime.types',
  'os-release',
  'protocols',
  'rpc',
  'services',
  'timezone',
]

/** Mounted, since an update of the system changes them: where libraries, chosen programs, Java and fonts are. */
const MOUNTED = [
  'ld.so.cache',
  'alternatives',
  'fonts',
  'java-11-openjdk',
  'java-17-openjdk',
  'java-21-openjdk',
  'java-25-openjdk',
]

/** Mounted where a task has the network of the host: how names are resolved, and whose certificates count. */
const OF_THE_NETWORK = [
  'hosts',
  'nsswitch.conf',
  'resolv.conf',
  'ssl/certs',
  'ssl/openssl.cnf',
  'pki/tls/certs',
  'pki/ca-trust',
  'crypto-policies',
]

/**
 * Makes the folder, within another that is there for such folders alone, and returns its path. It is named for what is
 * in it: one that a task sees is never changed, and tasks outlive daemons. Throws what the system throws.
 */
export function makeEtc(within: string): string {
  const copied = COPIED.filter((name) => kindOf(name) === 'file')
  // What is mounted needs something to be mounted on, and what is mounted read-only cannot be added to.
  const places = [...MOUNTED, ...OF_THE_NETWORK].filter((name) => kindOf(name) !== undefined)
  const hash = createHash('sha256').update(JSON.stringify([MADE, places]))
  for (const name of copied) {
    const { size, mtimeMs } = statSync(join('/etc', name))
    hash.update(`${name} ${size} ${mtimeMs}\n`)
  }
  const folder = join(within, hash.digest('hex').slice(0, 16))
  mkdirSync(within, { recursive: true })
  dropOld(within, basename(folder))
  if (!existsSync(folder)) fill(folder, copied, places)
  return folder
}

function fill(folder: string, copied: readonly string[], places: readonly string[]): void {
  const next = `${folder}.new`
  rmSync(next, { recursive: true, force: true })
  mkdirSync(next)
  for (const [name, text] of Object.entries(MADE)) writeFileSync(join(next, name), text, { mode: 0o644 })
  for (const name of copied) copyFileSync(join('/etc', name), join(next, name))
  for (const name of places) {
    const place = join(next, name)
    mkdirSync(kindOf(name) === 'folder' ? place : dirname(place), { recursive: true })
    if (kindOf(name) === 'file' && !existsSync(place)) writeFileSync(place, '')
  }
  renameSync(next, folder)
}

/** Those that no task can see any more: none runs that long. */
function dropOld(within: string, kept: string): void {
  for (const name of readdirSync(within)) {
    const path = join(within, name)
    if (name !== kept && Date.now() - statSync(path).mtimeMs > TASK_LIMITS.timeoutMs) rmSync(path, { recursive: true })
  }
}

/** The arguments of bwrap for it. */
export function etcArgs(folder: string, network: boolean): string[] {
  const mounted = [...MOUNTED, ...(network ? OF_THE_NETWORK : [])].filter((name) => kindOf(name) !== undefined)
  return ['--ro-bind', folder, '/etc', ...mounted.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`])]
}

function kindOf(name: string): 'file' | 'folder' | undefined {
  const found = statSync(join('/etc', name), { throwIfNoEntry: false })
  return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined
}
