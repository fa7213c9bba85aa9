/** Who belongs: what it costs to check a whole history. */
import { createHash } from 'node:crypto'
import { headOf } from '../../../src/governance/log.ts'
import { createGovernance } from '../../../src/governance/state.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { Genesis } from '../../../src/model/governance.ts'
import { makeStatement, openStatement, statementSigner } from '../../../src/wire/statement.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

const ENTRIES = 10_000
const NOW_MS = Date.now()
/** Statements that are taken at once, about as many as one message carries. */
const AT_ONCE = 100

const keyOf = (name: string) => statementSigner(createHash('sha256').update(name).digest())

/** A cluster of three admins of whom two sign, and its log as it would travel. */
function longLog(): { genesis: Genesis; cluster: string; bytes: Uint8Array[] } {
  const [ann, ben, cat] = ['ann', 'ben', 'cat'].map(keyOf)
  const genesis: Genesis = {
    name: 'bench',
    nonce: '0'.repeat(32),
    admins: { keys: [ann!.id, ben!.id, cat!.id], threshold: 2 },
    recovery: { keys: [keyOf('rescue').id], threshold: 1 },
    enrollers: [keyOf('enroller').id],
    open: false,
    createdAtMs: NOW_MS,
  }
  const cluster = makeStatement('genesis', genesis, []).hash
  const bytes: Uint8Array[] = []
  for (let height = 1, parent = cluster; height <= ENTRIES; height++) {
    const change = { kind: 'revoke', nodes: [keyOf(`node ${height}`).id], keep: [] }
    const entry = makeStatement('entry', { cluster, height, parent, atMs: NOW_MS, change }, [ann!, ben!])
    bytes.push(entry.bytes)
    parent = entry.hash
  }
  return { genesis, cluster, bytes }
}

function verifyLog({ genesis, cluster, bytes }: ReturnType<typeof longLog>): number {
  const fromMs = performance.now()
  const state = createGovernance(keyOf('reader').id, cluster, genesis)
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    const statements = bytes.slice(at, at + AT_ONCE).map((one) => openStatement(one, 'entry'))
    governanceStep(state, { type: 'statements', statements }, NOW_MS)
  }
  if (headOf(state.log).height !== ENTRIES) throw new Error('the log was not taken to its end')
  return performance.now() - fromMs
}

async function run({ say }: Bench): Promise<Figure[]> {
  say(`a log of ${ENTRIES} entries`)
  const log = longLog()
  return [
    {
      name: 'verify a governance log',
      unit: 's',
      measured: verifyLog(log) / 1000,
      target: { atMost: 5 },
      how: `${ENTRIES} entries, each signed by 2 of 3 admins, from bytes to what holds`,
    },
  ]
}

export const governance: Suite = { name: 'governance', what: 'a long log of who belongs, verified', run }
