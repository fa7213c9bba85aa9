/**
 * The policy of this node: its versions in the store, and the one that is in force in the mesh. What reads and asks
 * policies is loaded when there is one.
 */
import type { MeshInput } from '../mesh/types.ts'
import { AUDIT_TEXT, type AuditDraft } from '../model/audit.ts'
import type { PolicyVersion } from '../model/policy-api.ts'
import type { Policy } from '../model/policy.ts'
import type { CompiledPolicy } from '../policy/types.ts'
import type { Store, Write } from '../store/store.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
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

export class Policies {
  readonly #options: PoliciesOptions
  readonly #versions: StoredVersion[] = []
  #unusable: string | undefined

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /** Puts the stored policy in force. One that cannot be used any more refuses everything. */
  async restore(): Promise<void> {
    const { store, input, log } = this.#options
    for (const doc of store.load('policy').values()) this.#versions.push(doc as StoredVersion)
    const current = this.inForce
    if (current === undefined) return
    let policy: CompiledPolicy
    try {
      policy = (await readPolicy(current.text, `policy version ${current.version}`)).compiled
    } catch (error) {
      this.#unusable = messageOf(error)
      log.error(
        { error: this.#unusable },
        'the stored policy cannot be used: everything is refused until another comes',
      )
      const { unusablePolicy } = await import('../policy/library.ts')
      policy = unusablePolicy('node', current.name, this.#unusable)
    }
    input({ type: 'policies', policies: [policy] })
  }

  /** The version in force; undefined when there is none. */
  get inForce(): StoredVersion | undefined {
    const last = this.#versions.at(-1)
    return last?.text === '' ? undefined : last
  }

  /** Why the one in force cannot be used. */
  get unusable(): string | undefined {
    return this.#unusable
  }

  /** Newest first. */
  get history(): PolicyVersion[] {
    return this.#versions.toReversed().map(({ text: _text, ...version }) => version)
  }

  /**
   * Puts a policy in force. It is stored before it is.
   * @throws YamlFileError with file, line and field; StoreError
   */
  async apply(text: string, fileName: string, by: string): Promise<void> {
    const { document, compiled } = await readPolicy(text, fileName)
    const sha256 = sha256Hex(new TextEncoder().encode(text))
    this.#put(
      { by: by.slice(0, BY_LENGTH), sha256, name: document.metadata.name, rules: document.spec.rules.length, text },
      [compiled],
    )
  }

  /** Takes the policy out of force. @throws StoreError */
  remove(by: string): void {
    this.#put({ by: by.slice(0, BY_LENGTH), sha256: '', name: '', rules: 0, text: '' }, [])
  }

  #put(said: Omit<StoredVersion, 'version' | 'atMs'>, policies: readonly CompiledPolicy[]): void {
    const { store, input, note, nowMs } = this.#options
    const version = (this.#versions.at(-1)?.version ?? 0) + 1
    const stored: StoredVersion = { version, atMs: nowMs(), ...said }
    const dropped = this.#versions.slice(0, Math.max(0, this.#versions.length + 1 - KEPT))
    const writes: Write[] = [{ collection: 'policy', key: keyOf(stored), doc: stored }]
    for (const old of dropped) writes.push({ collection: 'policy', key: keyOf(old), doc: null })
    store.write(writes)
    this.#versions.splice(0, dropped.length)
    this.#versions.push(stored)
    this.#unusable = undefined
    // Before the events of what is stopped by it.
    note(eventOf(stored))
    input({ type: 'policies', policies })
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
 * Reads and compiles a policy of this node.
 * @throws YamlFileError with file, line and field of each mistake, in expressions too
 */
export async function readPolicy(
  text: string,
  fileName: string,
): Promise<{ document: Policy; compiled: CompiledPolicy }> {
  const { readPolicyFile } = await import('../model/policy-file.ts')
  const { compilePolicy } = await import('../policy/library.ts')
  const { value: document, refuse } = readPolicyFile(text, fileName)
  const compiled = compilePolicy('node', document)
  if (compiled.faults.length > 0) return refuse(compiled.faults)
  return { document, compiled }
}
