/** Statements: their bytes against the decoder, and their bodies, signed by the right keys, against the core. */
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { stateHash } from '../../src/governance/authority.ts'
import { governanceStep } from '../../src/governance/step.ts'
import { encode } from '../../src/wire/codec.ts'
import { STATEMENT_MAX_BYTES, type StatementKind } from '../../src/wire/limits.ts'
import { makeStatement, openStatement, type StatementSigner, type VerifiedStatement } from '../../src/wire/statement.ts'
import {
  admit,
  ANN,
  attest,
  BEN,
  ENROLLER,
  enrollers,
  entryOn,
  GENESIS_PLACE,
  give,
  headIn,
  HOME,
  keyOf,
  NOW_MS,
  OTHER_ENROLLER,
  RESCUE,
  revoke,
  rotate,
  someChange,
  stateOf,
  wordOf,
} from '../unit/governance/fixtures.ts'
import { fuzz, SEED } from './fuzz.ts'
import { mutateValue } from './mutate-values.ts'
import { mutate } from './mutate.ts'

const KINDS: ReadonlySet<StatementKind> = new Set(Object.keys(STATEMENT_MAX_BYTES) as StatementKind[])
const [MIA, NED] = ['mia', 'ned'].map(keyOf) as [StatementSigner, StatementSigner]

const SETTINGS = { settings: { 'bids.ask': '4' }, overridable: ['bids.ask'] }
const TRIED = {
  kind: 'config',
  ...SETTINGS,
  trial: { canaries: [NED.id], forMs: 60_000, witnesses: 1, before: SETTINGS },
}

/** Outcomes that change nothing: the next is given to the same state. */
const REFUSED: ReadonlySet<string> = new Set(['malformed', 'wrong-cluster', 'wrong-height', 'wrong-signers'])

/** One of each kind, and of each change, with the keys that sign it. */
const CAST: readonly { readonly statement: VerifiedStatement; readonly signers: readonly StatementSigner[] }[] = [
  ...[
    someChange(1),
    enrollers([OTHER_ENROLLER.id], [ENROLLER.id], ['a'.repeat(64)]),
    { kind: 'admins', admins: { keys: [ANN.id, NED.id], threshold: 2 } },
    { kind: 'policy', text: 'kind: Policy' },
    TRIED,
    { ...TRIED, kind: 'config-share', trial: { ...TRIED.trial, share: { selector: 'a=b', percent: 9, of: 9 } } },
    { kind: 'checkpoint', state: stateHash(stateOf().log.authority) },
  ].map((change) => ({ statement: entryOn(GENESIS_PLACE, change), signers: [ANN, BEN] })),
  {
    statement: entryOn(GENESIS_PLACE, { kind: 'recover', admins: { keys: [ANN.id], threshold: 1 } }, [RESCUE]),
    signers: [RESCUE],
  },
  { statement: admit(NED.id), signers: [ENROLLER] },
  { statement: revoke(MIA.id), signers: [ENROLLER] },
  { statement: rotate(MIA, NED), signers: [MIA, NED] },
  { statement: attest(MIA, GENESIS_PLACE), signers: [MIA] },
  { statement: wordOf(NED, entryOn(GENESIS_PLACE, TRIED).hash, NED.id, false), signers: [NED] },
]

/** By the runtime alone: key from JWK, bytes as RFC 0002 says; no length here takes more than two bytes. */
function verifies(kind: string, payload: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  const prefixed = (bytes: Uint8Array) =>
    Buffer.concat([
      Buffer.from(bytes.length > 127 ? [(bytes.length & 127) | 128, bytes.length >> 7] : [bytes.length]),
      bytes,
    ])
  const signed = Buffer.concat(
    [Buffer.from(`althing/${kind}/1`), Buffer.from(`/althing/${kind}`), payload].map(prefixed),
  )
  const x = Buffer.from(publicKey.subarray(-32)).toString('base64url')
  return verify(null, signed, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature)
}

describe('fuzz/governance', function () {
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('openStatement: what is accepted was signed by each of its signers, and says what they signed', async () => {
    const inputs = [...CAST.map(({ statement }) => statement), HOME.statement].map(({ bytes }) => bytes)
    const hashes = new Set([...CAST.map(({ statement }) => statement.hash), HOME.id])
    const { accepted, refused } = await fuzz({
      name: 'openStatement',
      next: (rng) => (rng.int(100) === 0 ? rng.pick(inputs) : mutate(inputs, rng)),
      decode: (bytes) => openStatement(bytes, KINDS),
      accepted: ({ kind, body, hash, signers, signatures }) => {
        const payload = encode({ v: 1, kind, body })
        for (const { publicKey, signature } of signatures) assert.ok(verifies(kind, payload, publicKey, signature))
        assert.equal(signers.length, signatures.length)
        // What nobody signed says nothing, whatever it is.
        assert.ok(hashes.has(hash) || signers.length === 0)
      },
    })
    assert.ok(accepted > 500, JSON.stringify({ accepted, refused }))
    assert.ok((refused['bad-signature'] ?? 0) > 100 && (refused['malformed'] ?? 0) > 1000, JSON.stringify(refused))
  })

  it('the core takes or refuses whatever the right keys signed, and what holds afterwards is in order', async () => {
    const outcomes: Record<string, number> = {}
    const admission = admit(MIA.id)
    const freshState = () => {
      const fresh = stateOf(HOME, MIA.id)
      give(fresh, [admission])
      return fresh
    }
    let given = freshState()
    let isChanged = false
    await fuzz({
      name: 'governanceStep',
      next: (rng) => {
        const { statement, signers } = rng.pick(CAST)
        return { kind: statement.kind, body: mutateValue([statement.body], rng), signers }
      },
      decode: ({ kind, body, signers }) => {
        // As if it had been opened: that the signatures hold is what the test before this one shows.
        const statement = { ...makeStatement(kind, body, []), signers: signers.map(({ id }) => id) }
        if (isChanged) given = freshState()
        const state = given
        const effects = governanceStep(state, { type: 'statements', statements: [statement] }, NOW_MS)
        const told = effects.find((one) => one.type === 'outcomes')
        const outcome = told?.type === 'outcomes' ? told.outcomes[0]! : 'none'
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
        isChanged = !REFUSED.has(outcome)
        return { state, statement, outcome }
      },
      accepted: ({ state, statement, outcome }) => {
        assert.notEqual(outcome, 'none')
        const { admins } = state.log.authority
        assert.ok(2 * admins.threshold > admins.keys.length && admins.threshold <= admins.keys.length)
        assert.equal(headIn(state).head === statement.hash, outcome === 'applied')
        for (const [node, member] of state.roster.members) {
          assert.equal(node, member.node)
          assert.ok(!state.roster.gone.has(node))
        }
      },
    })
    for (const outcome of ['applied', 'taken', 'malformed', 'wrong-height', 'halted'])
      assert.ok((outcomes[outcome] ?? 0) > 20, `${outcome}: ${JSON.stringify(outcomes)}`)
  })
})
