/**
 * Where a daemon keeps the clusters it is in beside its first: each has a directory of its own below `clusters/`, with
 * its own key, store, runs and bundles, named as people call the cluster on this machine.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { isSubdomain } from '../../model/label-grammar.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { DEFAULT_PORT } from '../options.ts'

/** Clusters of one daemon beside its first. */
export const MOST_PLACES = 7
/** Between the ports of two clusters of a daemon: the porch of each is one above the first. */
const PORT_STEP = 10
const FILE = 'place.json'
const KEY_FILE = 'identity.key'

const Stored = z.strictObject({ port: z.int().min(1).max(65_535) })

/** One of them. */
export interface Place {
  /** How people call it here. */
  readonly name: string
  readonly dir: string
  /** Where it listens, as long as that is free. */
  readonly port: number
}

/** Those of one daemon. */
export class Places {
  readonly #root: string
  readonly #log: Logger

  constructor(dataDir: string, log: Logger) {
    this.#root = join(dataDir, 'clusters')
    this.#log = log
  }

  /** All, by name. One that cannot be read is left out, and said so. */
  list(): Place[] {
    if (!existsSync(this.#root)) return []
    const names = readdirSync(this.#root).filter((name) => isSubdomain(name) && this.has(name))
    return names.toSorted().flatMap((name) => this.#read(name))
  }

  #read(name: string): Place[] {
    const dir = join(this.#root, name)
    try {
      const { port } = Stored.parse(JSON.parse(readFileSync(join(dir, FILE), 'utf8')))
      return [{ name, dir, port }]
    } catch (error) {
      this.#log.error({ dir, error: messageOf(error) }, 'the directory of a cluster cannot be read: left alone')
      return []
    }
  }

  /**
   * Makes an empty one, which is listed only once it is kept: a join that fails half-way leaves no cluster. The key
   * stays all the same, so that a ticket that was redeemed just before a crash can be shown again.
   * @param taken ports of clusters that run
   */
  begin(name: string, taken: readonly number[]): Place & { readonly keep: () => void; readonly drop: () => void } {
    const dir = join(this.#root, name)
    const drop = () => {
      for (const entry of existsSync(dir) ? readdirSync(dir) : [])
        if (entry !== KEY_FILE) rmSync(join(dir, entry), { recursive: true, force: true })
    }
    drop()
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    let port = DEFAULT_PORT + PORT_STEP
    while (taken.includes(port)) port += PORT_STEP
    const keep = () => writeFileSync(join(dir, FILE), `${JSON.stringify({ port } satisfies z.infer<typeof Stored>)}\n`)
    return { name, dir, port, keep, drop }
  }

  /** Whether something is kept by this name, be it readable or not. */
  has(name: string): boolean {
    return existsSync(join(this.#root, name, FILE))
  }

  /** Puts away what is left of a cluster that was left: its audit log stays readable, and nothing else. */
  retire({ name, dir }: Place, atMs: number): void {
    for (const part of [FILE, KEY_FILE, 'identity.next.key', 'runs', 'bundles'])
      rmSync(join(dir, part), { recursive: true, force: true })
    const left = join(this.#root, '..', 'left')
    mkdirSync(left, { recursive: true, mode: 0o700 })
    renameSync(dir, join(left, `${name}-${atMs}`))
  }
}
