/** Who belongs: what it costs to check a whole history, to let somebody in, and to expel somebody. */
import { headOf } from '../../../src/governance/log.ts'
import { createGovernance } from '../../../src/governance/state.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { Genesis } from '../../../src/model/governance.ts'
import { makeStatement, openStatement } from '../../../src/wire/statement.ts'
import type { MemberView } from '../../../src/model/cluster.ts'
import { median, spread, type Bench, type Figure, type Suite } from '../figure.ts'
import { foundCluster, invite, join, keyOf, quietly, seenByAll } from '../members.ts'
import { startDaemon, type BenchDaemon } from '../mesh.ts'

const ENTRIES = 10_000
const NOW_MS = Date.now()
/** Statements that are taken at once, about as many as one message carries. */
const AT_ONCE = 100

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

/** Members of the cluster that is joined and left, whoever joins included. */
const MEMBERS = 8

/** One joins, and is expelled again: how long until all of eight see it ready, and until all have cut it off. */
async function comeAndGo(launcher: string, daemons: readonly BenchDaemon[]): Promise<[joinMs: number, cutMs: number]> {
  const guest = await startDaemon({ launcher, cluster: 'alone', name: 'guest' })
  const ticket = await invite(daemons[0]!)
  const joinedAtMs = performance.now()
  await Promise.all([join(launcher, guest, ticket), seenByAll([...daemons, guest], guest.peerId)])
  const joinMs = performance.now() - joinedAtMs
  await quietly('links to all', async () => (await guest.status()).peers.length === daemons.length)
  const revokedAtMs = performance.now()
  const cut = ({ status }: BenchDaemon) =>
    quietly('a cut link', async () => !(await status()).peers.includes(guest.peerId))
  await Promise.all([
    daemons[0]!.client.post<MemberView[]>(`/v1/members/${guest.peerId}/revoke`, {}),
    ...daemons.map(cut),
  ])
  const cutMs = performance.now() - revokedAtMs
  await guest.stop()
  return [joinMs, cutMs]
}

async function measureMembers({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const rounds = quick ? 2 : 5
  say(`${MEMBERS} members, ${rounds} times joined and expelled`)
  const daemons = [await foundCluster(launcher)]
  while (daemons.length < MEMBERS - 1) {
    const next = await startDaemon({ launcher, cluster: 'alone', name: `member-${daemons.length}` })
    await join(launcher, next, await invite(daemons[0]!))
    daemons.push(next)
  }
  for (const { peerId } of daemons) await seenByAll(daemons, peerId)
  const joins: number[] = []
  const cuts: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [joinMs, cutMs] = await comeAndGo(launcher, daemons)
    joins.push(joinMs)
    cuts.push(cutMs)
  }
  const times = `median of ${rounds}, on one machine`
  return [
    {
      name: 'join by ticket',
      unit: 'ms',
      measured: median(joins),
      target: { atMost: 2_000 },
      how: `exec of \`althing join\` until all of ${MEMBERS} list it ready, ${times}`,
      detail: spread(joins),
    },
    {
      name: 'expel a member',
      unit: 'ms',
      measured: median(cuts),
      target: { atMost: 1_000 },
      how: `from the order until the last of its ${MEMBERS - 1} links is cut, ${times}`,
      detail: spread(cuts),
    },
  ]
}

async function run(bench: Bench): Promise<Figure[]> {
  const members = await measureMembers(bench)
  const { say } = bench
  say(`a log of ${ENTRIES} entries`)
  const log = longLog()
  return [
    ...members,
    {
      name: 'verify a governance log',
      unit: 's',
      measured: verifyLog(log) / 1000,
      target: { atMost: 5 },
      how: `${ENTRIES} entries, each signed by 2 of 3 admins, from bytes to what holds`,
    },
  ]
}

export const governance: Suite = {
  name: 'governance',
  what: 'joining by ticket, being expelled, and a long log verified',
  onlyWhenNamed: true,
  run,
}
