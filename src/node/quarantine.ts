/** Members that signed two records under one number: whom this node has nothing to do with any more, and the proof. */
import type { MeshState } from '../mesh/types.ts'
import type { QuarantinedView, QuarantineProofView } from '../model/quarantine-view.ts'
import type { Proof } from '../registry/registry.ts'
import { openRecord } from '../wire/envelope.ts'
import { GOSSIP_KINDS, RECORD_MAX_BYTES } from '../wire/limits.ts'

/** Whether a peer is quarantined: its links are cut, and none is made. */
export function isQuarantined({ registry }: MeshState, peer: string): boolean {
  return registry.quarantined.has(peer)
}

/** As many as a status lists. */
const SHOWN = 32

/** In short, the newest that were found. */
export function quarantinedViews({ registry }: MeshState): QuarantinedView[] {
  return [...registry.quarantined].slice(-SHOWN).map(([peer, proof]) => viewOf(peer, proof))
}

/** All of them, each with its proof. */
export function quarantineProofs({ registry }: MeshState): QuarantineProofView[] {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return [...registry.quarantined].map(([peer, proof]) => ({
    ...viewOf(peer, proof),
    first: base64(proof.first),
    second: base64(proof.second),
  }))
}

/** The status is asked for often, and a proof never changes. */
const views = new WeakMap<Proof, QuarantinedView>()

function viewOf(peer: string, proof: Proof): QuarantinedView {
  const view = views.get(proof) ?? readProof(peer, proof)
  views.set(proof, view)
  return view
}

function readProof(peer: string, { first, name }: Proof): QuarantinedView {
  // It was verified when it came in, and is opened for its number alone.
  const expect = { kinds: GOSSIP_KINDS, maxBytes: RECORD_MAX_BYTES.passport, wallNowMs: Number.MAX_SAFE_INTEGER }
  const { kind, epoch, seq } = openRecord(first, expect)
  return { peer, name, kind, epoch, seq }
}
