/**
 * Where a daemon keeps the clusters it is in beside its first: each has a directory of its own below `clusters/`, with
 * its own key, store, runs and bundles, named as people call the cluster on this machine.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { removeFolder } from '../../drivers/process/run-folder.ts'
import { isSubdomain } from '../../model/label-grammar.ts'
import { Sha256Hex } from '../../model/identifiers.ts'
import { messageOf } from '../../util/errors.ts'
import { DEFAULT_PORT } from '../options.ts'

/** Clusters of one daemon beside its first. */
export const MOST_PLACES = 7
/** Between the ports of two clusters of a daemon: the porch of each is one above the first. */
const PORT_STEP = 10
/** What was left is kept of so many clusters; the oldest go. */
const MOST_LEFT = 20
const FILE = 'place.json'
const KEY_FILE = 'identity.key'
/** Which cluster a key was made for that has not come to anything yet. */
const PENDING_FILE = 'pending'

const Stored = z.strictObject({ port: z.int().min(1).max(65_535), cluster: Sha256Hex, own: z.boolean() })

/** What is known of one before it is started. */
export interface Place {
  /** How people call it here. */
  readonly name: string
  readonly dir: string
  /** Where it listens, as long as that is free. */
  readonly port: number
  /** Its id. */
  readonly cluster: string
  /** Nodes of this machine's owner there are this machine's owner's: their tasks run as its own. */
  readonly own: boolean
}

/** One that cannot be read; it is left alone. */
export interface Unreadable {
  readonly name: string
  readonly dir: string
  readonly problem: string
}

/** Those of one daemon. */
export class Places {
  readonly #root: string

  constructor(dataDir: string) {
    this.#root = join(dataDir, 'clusters')
  }

  /** All, by name. */
  list(): (Place | Unreadable)[] {
    if (!existsSync(this.#root)) return []
    const names = readdirSync(this.#root).filter((name) => isSubdomain(name) && this.has(name))
    return names.toSorted().map((name) => this.#read(name))
  }

  #read(name: string): Place | Unreadable {
    const dir = join(this.#root, name)
    try {
      const { data, error } = Stored.safeParse(JSON.parse(readFileSync(join(dir, FILE), 'utf8')))
      if (data !== undefined) return { name, dir, ...data }
      const [issue] = error.issues
      throw new Error(`${issue!.path.join('.')}: ${issue!.message}`)
    } catch (error) {
      return { name, dir, problem: `${join(dir, FILE)} cannot be read: ${messageOf(error)}` }
    }
  }

  /**
   * Makes an empty one, which is listed only once it is kept: a join that fails half-way leaves no cluster. Its key
   * stays for the same cluster, so that a ticket that was redeemed just before a crash can be shown again.
   * @param cluster its id; absent for one that is founded: then the key is a new one
   * @param taken ports of clusters that run
   */
  begin(name: string, cluster: string | undefined, taken: readonly number[]): { dir: string; port: number } {
    const dir = join(this.#root, name)
    const isSame = cluster !== undefined && readText(join(dir, PENDING_FILE)) === cluster
    for (const entry of existsSync(dir) ? readdirSync(dir) : [])
      if (!(isSame && entry === KEY_FILE)) rmSync(join(dir, entry), { recursive: true, force: true })
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    if (cluster !== undefined) writeFileSync(join(dir, PENDING_FILE), cluster)
    let port = DEFAULT_PORT + PORT_STEP
    while (taken.includes(port)) port += PORT_STEP
    return { dir, port }
  }

  /** Lists one from now on, after a loss of power too. */
  keep({ name, dir, ...stored }: Place): Place {
    const file = join(dir, FILE)
    writeFileSync(`${file}.new`, `${JSON.stringify(Stored.parse(stored))}\n`)
    flush(`${file}.new`)
    renameSync(`${file}.new`, file)
    rmSync(join(dir, PENDING_FILE), { force: true })
    for (const folder of [dir, this.#root, dirname(this.#root)]) flush(folder)
    return { name, dir, ...stored }
  }

  /** Whether something is kept by this name, be it readable or not. */
  has(name: string): boolean {
    return existsSync(join(this.#root, name, FILE))
  }

  /** Puts away what is left of a cluster that was left: its store, with the audit log, stays readable; nothing else. */
  async retire({ name, dir }: Pick<Place, 'name' | 'dir'>, atMs: number): Promise<void> {
    const left = join(dirname(this.#root), 'left')
    mkdirSync(left, { recursive: true, mode: 0o700 })
    const gone = join(left, `${name}-${atMs}`)
    // First of all: from here on it is listed no more, whatever comes between.
    renameSync(dir, gone)
    for (const part of [FILE, KEY_FILE, 'identity.next.key']) rmSync(join(gone, part), { force: true })
    for (const part of ['runs', 'bundles']) await removeFolder(join(gone, part))
    const oldest = readdirSync(left).toSorted(byTime).slice(0, -MOST_LEFT)
    for (const one of oldest) await removeFolder(join(left, one))
  }
}

/** The number at the end of a name is when it was left. */
function byTime(a: string, b: string): number {
  const at = (name: string) => Number(name.slice(name.lastIndexOf('-') + 1))
  return at(a) - at(b)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function flush(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
