/**
 * The policies that are in force in the mesh: this node's own, whose versions are in the store, and that of its
 * cluster, which its admins signed. What reads and asks policies is loaded when there is one.
 */
import type { DecidedPolicy } from '../governance/authority.ts'
import type { MeshInput, MeshState } from '../mesh/types.ts'
import { AUDIT_TEXT, type AuditDraft } from '../model/audit.ts'
import type { PolicyVersion } from '../model/policy-api.ts'
import type { Policy } from '../model/policy.ts'
import type { CompiledPolicy, Domain } from '../policy/types.ts'
import { unusablePolicy } from '../policy/unusable.ts'
import type { Store, Write } from '../store/store.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { MeshLoop } from './loop.ts'
import { sha256Hex } from '../util/sha256.ts'

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

/** What a policy needs of its daemon. */
export interface PoliciesOptions {
  readonly store: Store
  readonly nowMs: () => number
  readonly input: (input: MeshInput) => void
  /** Writes an event into the audit log. */
  readonly note: (event: AuditDraft) => void
  readonly log: Logger
}

/** A policy that is asked, and why it refuses everything if it does. */
interface Asked {
  readonly compiled: CompiledPolicy
  readonly unusable?: string
}

export class Policies {
  readonly #options: PoliciesOptions
  readonly #versions: StoredVersion[] = []
  #own: Asked | undefined
  #decided: DecidedPolicy | undefined
  #clusters: Asked | undefined

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /**
   * Puts the stored policy in force, and that of the cluster. One that cannot be used any more refuses everything.
   * @param decided that of the cluster, if its admins ever decided upon one
   */
  async restore(decided?: DecidedPolicy): Promise<void> {
    for (const doc of this.#options.store.load('policy').values()) this.#versions.push(doc as StoredVersion)
    const current = this.inForce
    if (current !== undefined) {
      this.#own = await this.#askedOf('node', current.text, current.name, `policy version ${current.version}`)
    }
    this.#decided = decided
    this.#clusters = await this.#askedOfCluster(decided)
    if (this.#own !== undefined || this.#clusters !== undefined) this.#publish()
  }

  /**
   * What the admins of the cluster decided, which takes the place of what they decided before. It is in force when this
   * resolves, unless they decided anew meanwhile.
   * @returns whether it was another than before, and is in force
   */
  async decide(decided: DecidedPolicy | undefined): Promise<boolean> {
    if (decided?.hash === this.#decided?.hash) return false
    this.#decided = decided
    const asked = await this.#askedOfCluster(decided)
    if (this.#decided !== decided) return false
    this.#clusters = asked
    this.#publish()
    return true
  }

  /** The version of this node that is in force; undefined when there is none. */
  get inForce(): StoredVersion | undefined {
    const last = this.#versions.at(-1)
    return last?.text === '' ? undefined : last
  }

  /** That of the cluster; undefined when there is none. */
  get ofCluster(): { readonly name: string; readonly version: number; readonly unusable?: string } | undefined {
    if (this.#clusters === undefined) return undefined
    const { compiled, unusable } = this.#clusters
    return { name: compiled.name, version: this.#decided!.version, ...(unusable !== undefined && { unusable }) }
  }

  /** Why the one of a level cannot be used. */
  unusable(level: 'node' | 'cluster'): string | undefined {
    return (level === 'node' ? this.#own : this.#clusters)?.unusable
  }

  /** What is asked, if another policy takes the place of that of a level. */
  with(level: Domain, instead: CompiledPolicy): CompiledPolicy[] {
    return [...this.#asked().filter(({ domain }) => domain !== level), instead]
  }

  /** Newest first. */
  get history(): PolicyVersion[] {
    return this.#versions.toReversed().map(({ text: _text, ...version }) => version)
  }

  /**
   * Puts a policy of this node in force. It is stored before it is.
   * @throws YamlFileError with file, line and field; StoreError
   */
  async apply(text: string, fileName: string, by: string): Promise<void> {
    const { document, compiled } = await readPolicy(text, fileName)
    const sha256 = sha256Hex(new TextEncoder().encode(text))
    this.#put(
      { by: by.slice(0, BY_LENGTH), sha256, name: document.metadata.name, rules: document.spec.rules.length, text },
      { compiled },
    )
  }

  /** Takes the policy of this node out of force. @throws StoreError */
  remove(by: string): void {
    this.#put({ by: by.slice(0, BY_LENGTH), sha256: '', name: '', rules: 0, text: '' }, undefined)
  }

  #put(said: Omit<StoredVersion, 'version' | 'atMs'>, asked: Asked | undefined): void {
    const { store, note, nowMs } = this.#options
    const version = (this.#versions.at(-1)?.version ?? 0) + 1
    const stored: StoredVersion = { version, atMs: nowMs(), ...said }
    const dropped = this.#versions.slice(0, Math.max(0, this.#versions.length + 1 - KEPT))
    const writes: Write[] = [{ collection: 'policy', key: keyOf(stored), doc: stored }]
    for (const old of dropped) writes.push({ collection: 'policy', key: keyOf(old), doc: null })
    store.write(writes)
    this.#versions.splice(0, dropped.length)
    this.#versions.push(stored)
    this.#own = asked
    // Before the events of what is stopped by it.
    note(eventOf(stored))
    this.#publish()
  }

  #asked(): CompiledPolicy[] {
    return [this.#own, this.#clusters].flatMap((asked) => (asked === undefined ? [] : [asked.compiled]))
  }

  #publish(): void {
    this.#options.input({ type: 'policies', policies: this.#asked() })
  }

  async #askedOfCluster(decided: DecidedPolicy | undefined): Promise<Asked | undefined> {
    if (decided === undefined || decided.text === '') return undefined
    return this.#askedOf(
      'cluster',
      decided.text,
      `version-${decided.version}`,
      `cluster policy version ${decided.version}`,
    )
  }

  /** Never throws: what cannot be read, or asked, refuses everything and says why. */
  async #askedOf(domain: Domain, text: string, name: string, fileName: string): Promise<Asked> {
    try {
      return { compiled: (await readPolicy(text, fileName, domain)).compiled }
    } catch (error) {
      const unusable = messageOf(error)
      this.#options.log.error(
        { domain, error: unusable },
        'a policy cannot be used: everything is refused until another comes',
      )
      return { compiled: unusablePolicy(domain, name, unusable), unusable }
    }
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

/**
 * Reads and compiles a policy.
 * @throws YamlFileError with file, line and field of each mistake, in expressions too
 */
export async function readPolicy(
  text: string,
  fileName: string,
  domain: Domain = 'node',
): Promise<{ document: Policy; compiled: CompiledPolicy }> {
  const { readPolicyFile } = await import('../model/policy-file.ts')
  const { compilePolicy } = await import('../policy/library.ts')
  const { value: document, refuse } = readPolicyFile(text, fileName)
  const compiled = compilePolicy(domain, document)
  if (compiled.faults.length > 0) return refuse(compiled.faults)
  return { document, compiled }
}

/** Whether this node still lets a run begin whose process is about to be made. Its contract may be isolated by it. */
export function mayStart(loop: Pick<MeshLoop, 'input'>, { negotiation }: MeshState, runId: string): boolean {
  loop.input({ type: 'run-starting', runId })
  return negotiation.contracts.get(runId)?.stopWhy === undefined
}
