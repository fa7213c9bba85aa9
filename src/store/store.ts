/**
 * What the daemon keeps across restarts, in one SQLite file.
 *
 * Documents are plain data (what structuredClone and the canonical codec accept). Reads happen at
 * start-up only; afterwards the store is written, in one transaction per mesh step.
 */

/** The collections there are; each is a map from key to document. */
export type Collection =
  | 'job'
  | 'task'
  | 'contract'
  | 'usage'
  /** Of this node, under `self`. */
  | 'cordon'
  | 'offer'
  | 'policy'
  | 'run'
  | 'record'
  | 'mark'
  | 'proof'
  | 'trust'
  | 'peer'
  /** The frontier of this node's own audit log; what it knows of others' logs, by peer. */
  | 'audit'
  | 'audit-head'
  | 'audit-alarm'
  /** Of the cluster this daemon belongs to: genesis, what was signed in it, tickets issued here, proposals. */
  | 'cluster'
  | 'statement'
  | 'ticket'
  | 'proposal'
  /** Of the local API: hashes, and to whom they were given. */
  | 'token'

/** Put `doc` under `key`, or delete the key when `doc` is null. */
export interface Write {
  readonly collection: Collection
  readonly key: string
  readonly doc: unknown
}

export interface Store {
  /** All documents of a collection, in key order. Documents that no longer decode are skipped and logged. */
  load(collection: Collection): Map<string, unknown>
  /**
   * Applies all writes, or none. Durable against a crash of the process when it returns.
   * @param alongside further writes into the same file, in the same transaction
   * @throws StoreError (`disk-full`, `io`), and whatever `alongside` throws
   */
  write(writes: readonly Write[], alongside?: () => void): void
  /** The same, durable against loss of power too before it returns. Costs a flush of the disk. */
  writeDurably(writes: readonly Write[], alongside?: () => void): void
  /**
   * The boot epoch: max(stored + 1, `atLeast`, Unix seconds), durable against loss of power before it returns.
   */
  nextEpoch(atLeast: number, unixSeconds: number): number
  close(): void
}
