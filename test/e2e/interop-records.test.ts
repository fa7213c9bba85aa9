/**
 * Records across generations and implementations: a peer made of libp2p 2 packages reads and verifies our
 * daemon's passport, and our registry shows the passport it publishes. Its envelope is made and opened by
 * libp2p's own code, not by ours.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { decode, encode } from '@ipld/dag-cbor'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { RecordEnvelope } from 'libp2p2-peer-record'
import type { FoundView, NodeView } from '../../src/model/api.ts'
import { eventually, startDaemon, stopAll } from '../support/daemon.ts'
import { oldPeer, type OldPeer } from '../support/libp2p-2.ts'

const TOPIC = '/althing/test/records/1'
const DOMAIN = 'althing/passport/1'
const PAYLOAD_TYPE = new TextEncoder().encode('/althing/passport')

/** A passport as somebody else's program would sign it. */
async function sealedElsewhere(name: string): Promise<{ author: string; bytes: Uint8Array }> {
  const key = await generateKeyPair('Ed25519')
  const author = peerIdFromPrivateKey(key).toString()
  const body = {
    apiVersion: 'elsewhere.example/v1',
    kind: 'NodePassport',
    metadata: { name, namespace: 'default', labels: {}, annotations: {} },
    spec: { type: 'agent', version: '1', capabilities: [{ name: 'translate' }] },
  }
  const header = {
    v: 1,
    kind: 'passport',
    author,
    epoch: 1,
    seq: 1,
    hlc: Date.now(),
    ttlMs: 600_000,
    name: `default/${name}`,
    body,
  }
  const record = { domain: DOMAIN, codec: PAYLOAD_TYPE, marshal: () => encode(header), equals: () => false }
  // The same key to both; only the types of two generations differ.
  const envelope = await RecordEnvelope.seal(record, key as never)
  return { author, bytes: envelope.marshal() }
}

describe('a peer of libp2p 2 and gossipsub 14, and a daemon on an open cluster', function () {
  this.timeout(60_000)
  let theirs: OldPeer
  const received: Uint8Array[] = []

  beforeEach(async () => {
    received.length = 0
    theirs = await oldPeer()
    theirs.subscribe(TOPIC, (data) => received.push(data))
  })
  afterEach(async () => {
    await theirs.stop()
    await stopAll()
  })

  it('it verifies our signed passport', async () => {
    const daemon = await startDaemon({ name: 'ours' })
    await theirs.dial(daemon.address)
    await eventually('our subscription there', () => theirs.subscribers(TOPIC).includes(daemon.status.peerId))
    const yaml =
      'apiVersion: althing.dev/v1\nkind: NodePassport\nmetadata: {name: singer}\n' +
      'spec: {type: agent, version: "1", capabilities: [{name: sing}]}\n'
    writeFileSync(`${daemon.dataDir}/singer.yaml`, yaml)
    assert.equal((await daemon.cli('apply', '-f', `${daemon.dataDir}/singer.yaml`)).code, 0)
    // The machine's own passport may come again at any time.
    const header = await eventually('our passport there', async () => {
      for (const bytes of received) {
        const { payload } = await RecordEnvelope.openAndCertify(bytes, DOMAIN)
        const found = decode(payload) as { author: string; kind: string; body: { metadata: { name: string } } }
        if (found.body.metadata.name === 'singer') return found
      }
      return undefined
    })
    assert.equal(header.author, daemon.status.peerId)
    assert.equal(header.kind, 'passport')
  })

  it('our registry shows the passport it publishes, and refuses one with a broken signature', async () => {
    const daemon = await startDaemon({ name: 'ours' })
    await theirs.dial(daemon.address)
    await eventually('our subscription there', () => theirs.subscribers(TOPIC).includes(daemon.status.peerId))
    const forged = await sealedElsewhere('forged')
    forged.bytes[forged.bytes.length - 1]! ^= 1
    await theirs.publish(TOPIC, forged.bytes)
    const { author, bytes } = await sealedElsewhere('translator')
    await theirs.publish(TOPIC, bytes)
    const node = await eventually('it in our registry', async () => {
      const nodes = await daemon.get<NodeView[]>('/v1/nodes')
      return nodes.find(({ peerId }) => peerId === author)
    })
    assert.equal(node.name, 'translator')
    assert.equal(node.state, 'joining', 'it has said what it is, but never beaten')
    const found = await daemon.get<FoundView>('/v1/capabilities/translate')
    assert.equal(found.matches[0]!.peerId, author)
    assert.equal(
      (await daemon.get<NodeView[]>('/v1/nodes')).some(({ name }) => name === 'forged'),
      false,
    )
  })
})
