/** Clusters of real daemons: founded, and joined by ticket. */
import assert from 'node:assert/strict'
import type { NodeView, StatusView } from '../../src/model/api.ts'
import type { AuditEntry } from '../../src/model/audit-view.ts'
import type { ClusterView, OutcomesView, TicketView } from '../../src/model/cluster.ts'
import { ask } from './http.ts'
import { eventually, startDaemon, type CliResult, type DaemonOptions, type TestDaemon } from './daemon.ts'

/** A daemon that is open to nobody by a flag of its own, with a label to send tasks to it by. */
export function startClosed(name: string, options: DaemonOptions = {}): Promise<TestDaemon> {
  return startDaemon({ name, open: false, ...options, args: ['--label', `seat=${name}`, ...(options.args ?? [])] })
}

/** The output of a command that must do what it says. */
export async function done(result: Promise<CliResult>): Promise<string> {
  const { code, stdout, stderr } = await result
  assert.equal(code, 0, stderr)
  return stdout
}

/** Peer id of a daemon as it is now: it may have got another key. */
export async function idOf(daemon: TestDaemon): Promise<string> {
  return (await daemon.get<StatusView>('/v1/status')).peerId
}

export function clusterOf(daemon: TestDaemon): Promise<ClusterView> {
  return daemon.get<ClusterView>('/v1/cluster')
}

/** Peers with which a daemon is linked. */
export async function linksOf(daemon: TestDaemon): Promise<readonly string[]> {
  return (await daemon.get<StatusView>('/v1/status')).peers
}

export async function invite(daemon: TestDaemon, ...words: string[]): Promise<TicketView> {
  return JSON.parse(await done(daemon.cli('invite', '--json', ...words))) as TicketView
}

/** Waits until a daemon lists a node as ready. */
export async function sees(observer: TestDaemon, peerId: string, ms?: number): Promise<void> {
  const isReady = async () => {
    const nodes = await observer.get<NodeView[]>('/v1/nodes')
    return nodes.some((node) => node.peerId === peerId && node.state === 'ready')
  }
  await eventually(`${observer.name} to see ${peerId} ready`, isReady, ms)
}

/** A cluster of these daemons, the first of which founds it. */
export async function found(daemons: readonly TestDaemon[], ...words: string[]): Promise<void> {
  const [founder, ...others] = daemons as [TestDaemon, ...TestDaemon[]]
  await done(founder.cli('init', 'home', '--owner', 'ann', ...words))
  for (const other of others) await done(other.cli('join', (await invite(founder)).ticket))
  for (const other of others) await sees(founder, await idOf(other))
}

/** Events of some types in the audit log of a daemon, those of each type newest first. */
export async function listed(daemon: TestDaemon, ...types: string[]): Promise<AuditEntry[]> {
  const pages = await Promise.all(types.map((type) => done(daemon.cli('audit', 'list', '--json', '--type', type))))
  return pages.flatMap((page) => JSON.parse(page) as AuditEntry[])
}

/** Hands statements to a daemon as `gov sign` does. @returns what it answers */
export async function handIn({ socketPath }: TestDaemon, statements: readonly string[]): Promise<OutcomesView> {
  const headers = { host: 'localhost', 'content-type': 'application/json' }
  const body = JSON.stringify({ statements })
  return (await ask({ socketPath, method: 'POST', path: '/v1/governance', headers, body })).json()
}
