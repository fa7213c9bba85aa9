/** The policy that the owner of this machine has put in force on it, in whatever clusters it is, and its versions. */
import { AUDIT_TEXT, type AuditDraft } from '../model/audit.ts'
import type { PolicyVersion } from '../model/policy-api.ts'
import type { Store, Write } from '../store/store.ts'
import { sha256Hex } from '../util/sha256.ts'
import type { Logger } from '../util/logger.ts'
import type { MeshLoop } from './loop.ts'
import { askedOf, readPolicy, type Asked } from './read-policy.ts'

/** Versions that are kept; the oldest go. */
const KEPT = 100
/** Characters of who says to have applied one. */
const BY_LENGTH = 128
/** So that keys sort as numbers. */
const KEY_DIGITS = 10

/** A version as it is stored. `text` is empty for a removal. */
interface StoredVersion extends PolicyVersion {
  readonly text: string
}

/** What it is kept by. */
export interface NodePolicyOptions {
  readonly store: Pick<Store, 'load'>
  /** Writes a version and the event that tells of it, in one transaction that survives a crash. */
  readonly loop: Pick<MeshLoop, 'writeDurably'>
  readonly nowMs: () => number
  readonly log: Logger
}

/** What became of it. */
export interface PolicyChange {
  readonly what: 'applied' | 'removed'
  /** That of the policy which was put in force, or taken out of it. */
  readonly name: string
  /** As it stands in the log of the cluster that keeps the policy. */
  readonly event: AuditDraft
}

export class NodePolicy {
  readonly #options: NodePolicyOptions
  readonly #versions: StoredVersion[] = []
  readonly #listeners = new Set<(change: PolicyChange) => void>()
  #asked: Asked | undefined

  constructor(options: NodePolicyOptions) {
    this.#options = options
  }

  /** Puts the stored one in force. One that cannot be used any more refuses everything. Call once, first. */
  async restore(): Promise<void> {
    for (const doc of this.#options.store.load('policy').values()) this.#versions.push(doc as StoredVersion)
    const current = this.inForce
    if (current === undefined) return
    const fileName = `policy version ${current.version}`
    this.#asked = await askedOf({ domain: 'node', text: current.text, name: current.name, fileName }, this.#options.log)
  }

  /** What is asked; undefined when there is none. */
  get asked(): Asked | undefined {
    return this.#asked
  }

  /** The version that is in force; undefined when there is none. */
  get inForce(): StoredVersion | undefined {
    const last = this.#versions.at(-1)
    return last?.text === '' ? undefined : last
  }

  /** Newest first. */
  get history(): PolicyVersion[] {
    return this.#versions.toReversed().map(({ text: _text, ...version }) => version)
  }

  /** Tells of every change from now on. @returns what ends it */
  onChange(listener: (change: PolicyChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Puts a policy in force. It is stored before it is.
   * @throws YamlFileError with file, line and field; StoreError
   */
  async apply(text: string, fileName: string, by: string): Promise<void> {
    const { document, compiled } = await readPolicy(text, fileName)
    const sha256 = sha256Hex(new TextEncoder().encode(text))
    const { length: rules } = document.spec.rules
    this.#put({ by: by.slice(0, BY_LENGTH), sha256, name: document.metadata.name, rules, text }, { compiled })
  }

  /** Takes it out of force. @throws StoreError */
  remove(by: string): void {
    this.#put({ by: by.slice(0, BY_LENGTH), sha256: '', name: '', rules: 0, text: '' }, undefined)
  }

  #put(said: Omit<StoredVersion, 'version' | 'atMs'>, asked: Asked | undefined): void {
    const { loop, nowMs } = this.#options
    const name = asked === undefined ? (this.inForce?.name ?? '') : said.name
    const version = (this.#versions.at(-1)?.version ?? 0) + 1
    const stored: StoredVersion = { version, atMs: nowMs(), ...said }
    const dropped = this.#versions.slice(0, Math.max(0, this.#versions.length + 1 - KEPT))
    const writes: Write[] = [{ collection: 'policy', key: keyOf(stored), doc: stored }]
    for (const old of dropped) writes.push({ collection: 'policy', key: keyOf(old), doc: null })
    // Before the events of what is stopped by it.
    const event = eventOf(stored)
    loop.writeDurably(writes, [event])
    this.#versions.splice(0, dropped.length)
    this.#versions.push(stored)
    this.#asked = asked
    const what = asked === undefined ? 'removed' : 'applied'
    for (const listener of this.#listeners) listener({ what, name, event })
  }
}

function eventOf({ version, by, name, sha256, text }: StoredVersion): AuditDraft {
  const who = by.slice(0, AUDIT_TEXT)
  if (text === '') return { type: 'policy.removed', version, by: who }
  return { type: 'policy.applied', version, by: who, sha256, name: name.slice(0, AUDIT_TEXT) }
}

function keyOf({ version }: PolicyVersion): string {
  return String(version).padStart(KEY_DIGITS, '0')
}
