/** The registry's face to the rest of the core. Files of this folder import each other directly. */
export { statedAgeMs } from './age.ts'
export { createRegistry } from './state.ts'
export { merge, type Merged, type MergeOutcome } from './merge.ts'
export { DEAD_INTERVALS, expel, leaseMsOf, nextExpiryMs, noteVerdict, tick } from './liveness.ts'
export { find, node, nodes, type KnownNode } from './query.ts'
export { answerBuckets, answerDigest, digest, digestOf, supply } from './sync.ts'
export { restore, StoredRecord, type Persisted } from './restore.ts'
export type { Proof, RegistryEffects, RegistryEvent, RegistryState, RegistryWrite } from './types.ts'
