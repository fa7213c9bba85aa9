/** Members of a cluster with a genesis: founded by one daemon, joined by others with tickets. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { NodeView } from '../../src/model/api.ts'
import type { MovedView, TicketView } from '../../src/model/cluster.ts'
import { statementSigner } from '../../src/wire/statement.ts'
import { startDaemon, type BenchDaemon } from './mesh.ts'
import { untilTrue } from './wait.ts'

const DEADLINE_MS = 30_000
/** Between two looks at a daemon: eight that are asked every 2 ms would do little else. */
const LOOK_MS = 20
/** Looks, not too often, until it is so. */
export const quietly = (what: string, look: () => Promise<boolean>) =>
  untilTrue(what, DEADLINE_MS, look, undefined, LOOK_MS)

/** A key that is the same each time. */
export const keyOf = (name: string) => statementSigner(createHash('sha256').update(name).digest())

/** Executes `althing join`. @returns at once; the daemon is another afterwards */
export async function join(launcher: string, daemon: BenchDaemon, ticket: string): Promise<void> {
  const child = spawn(launcher, ['join', '--data-dir', daemon.dataDir, ticket], { stdio: 'ignore' })
  const [code] = (await once(child, 'exit')) as [number]
  if (code !== 0) throw new Error(`althing join ended with ${code}`)
}

/** @returns a ticket for one */
export async function invite(founder: BenchDaemon): Promise<string> {
  return (await founder.client.post<TicketView>('/v1/tickets', {})).ticket
}

/** Resolves when all list this peer as ready. */
export async function seenByAll(daemons: readonly BenchDaemon[], peerId: string): Promise<void> {
  const seen = async ({ client }: BenchDaemon) =>
    quietly('a member that is ready', async () => {
      const nodes = await client.get<NodeView[]>('/v1/nodes').catch(() => [])
      return nodes.some((node) => node.peerId === peerId && node.state === 'ready')
    })
  await Promise.all(daemons.map(seen))
}

/** Founds a cluster with a genesis, and is back as its first member. */
export async function foundCluster(launcher: string): Promise<BenchDaemon> {
  const founder = await startDaemon({ launcher, cluster: 'alone', name: 'founder' })
  const key = keyOf('admin').id
  const request = { name: 'bench', admins: [key], threshold: 1, recovery: [key], recoveryThreshold: 1, owner: 'ann' }
  const { id } = await founder.client.post<MovedView>('/v1/cluster', request)
  await quietly('the founder to be back', async () => {
    const status = await founder.status().catch(() => undefined)
    return status?.governance?.id === id && status.state === 'ready'
  })
  return founder
}
