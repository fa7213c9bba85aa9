/** A machine's disk: what is written stays through crashes, unless the disk is full and refuses. */
import type { ContractState } from '../../src/negotiation/types.ts'
import { Frontier } from '../../src/audit/frontier.ts'
import { hashLeaf } from '../../src/audit/hashing.ts'
import { copy, freeze } from './copy.ts'

export interface DiskWrite {
  readonly collection: string
  readonly key: string
  /** Absent when null. */
  readonly doc: unknown
}

/** What checkers may see of a disk. */
export interface DiskView {
  get(collection: string, key: string): unknown
  /** What is stored of an attempt's contract, whatever its run is called. */
  contractOf(submitter: string, taskId: string, attempt: number): ContractState | undefined
  /** Events of the audit log, encoded, in the order in which they were written. */
  readonly audit: readonly Uint8Array[]
}

export class Disk implements DiskView {
  full = false
  /** The boot epoch last stored. */
  epoch = 0
  readonly audit: Uint8Array[] = []
  readonly #collections = new Map<string, Map<string, unknown>>()
  /** Run ids by attempt. */
  readonly #runs = new Map<string, string>()

  /** Writes all or nothing. @returns false when the disk is full */
  write(writes: readonly DiskWrite[], audit: readonly Uint8Array[] = []): boolean {
    if (this.full) return false
    this.audit.push(...audit)
    for (const { collection, key, doc } of writes) {
      const docs = this.#docs(collection)
      if (collection === 'contract' && doc !== null) this.#runs.set(attemptKey(doc as ContractState), key)
      if (doc === null) docs.delete(key)
      else docs.set(key, collection === 'job' ? copyJob(doc) : copy(doc))
    }
    return true
  }

  get(collection: string, key: string): unknown {
    return this.#collections.get(collection)?.get(key)
  }

  contractOf(submitter: string, taskId: string, attempt: number): ContractState | undefined {
    const runId = this.#runs.get(attemptKey({ submitter, taskId, attempt }))
    return runId === undefined ? undefined : (this.get('contract', runId) as ContractState | undefined)
  }

  /** Everything of a collection, in copies of the reader's own. */
  load(collection: string): Map<string, unknown> {
    return new Map([...this.#docs(collection)].map(([key, doc]) => [key, copy(doc)]))
  }

  /** What a daemon reads at its start, to go on from. */
  frontier(): Frontier {
    const frontier = new Frontier()
    for (const bytes of this.audit) frontier.append(hashLeaf(bytes))
    return frontier
  }

  #docs(collection: string): Map<string, unknown> {
    let docs = this.#collections.get(collection)
    if (docs === undefined) {
      docs = new Map()
      this.#collections.set(collection, docs)
    }
    return docs
  }
}

function attemptKey({ submitter, taskId, attempt }: Pick<ContractState, 'submitter' | 'taskId' | 'attempt'>): string {
  return `${submitter}/${taskId}.${attempt}`
}

/** Stories are long and written often, and their entries never change: frozen, they need no copy. */
function copyJob(doc: unknown): unknown {
  const { story, ...rest } = doc as { story: unknown[] }
  return { ...copy(rest), story: story.map(freeze) }
}
