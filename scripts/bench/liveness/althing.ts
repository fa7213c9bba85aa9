/** Althing's daemons, as shipped but for the page and mDNS, and what their event streams say of nodes. */
import { join } from 'node:path'
import { CliError } from '../../../src/cli/errors.ts'
import { readEvents } from '../../../src/cli/streams.ts'
import { startDaemon } from '../mesh.ts'
import type { BenchDaemon } from '../mesh.ts'
import { Losses } from './member.ts'
import type { Kind, Member } from './member.ts'

/** A mesh of this build, its data below `dir`. */
export function althing(launcher: string, dir: string): Kind {
  const addresses = new WeakMap<Member, string>()
  const cluster = `liveness-${process.pid}`
  return {
    name: 'Althing',
    async start(host, seed) {
      const dataDir = join(dir, host.name)
      const address = seed && addresses.get(seed)
      const daemon = await startDaemon({
        launcher,
        cluster,
        name: host.name,
        host,
        dataDir,
        ...(address !== undefined && { join: address }),
      })
      const losses = new Losses()
      await listen(daemon, losses)
      const member: Member = {
        id: daemon.peerId,
        host,
        pid: daemon.pid,
        losses,
        countPresent: () => countPresent(daemon),
        isCutOff: async () => (await daemon.status()).cutOff,
        kill: () => daemon.kill(),
      }
      addresses.set(member, daemon.address)
      return member
    },
  }
}

/** 0 when it gives no answer: a connection that was not used for a while is closed, perhaps in this very moment. */
async function countPresent(daemon: BenchDaemon): Promise<number> {
  const words = daemon.lastWords()
  if (words !== undefined) throw new Error(`the daemon of ${daemon.dataDir} has ended:\n${words}`)
  try {
    const { nodes } = await daemon.status()
    return Object.entries(nodes).reduce((sum, [state, count]) => (state === 'offline' ? sum : sum + count), 0)
  } catch (error) {
    if (error instanceof CliError && error.code === 'daemon-gone') return 0
    throw error
  }
}

/** Resolves once the daemon has taken the subscription. */
async function listen({ client }: BenchDaemon, losses: Losses): Promise<void> {
  const response = await client.open('/v1/events')
  const read = async (): Promise<void> => {
    for await (const { type, subject, what } of readEvents(response)) {
      if (type === 'node' && what === 'offline') losses.note(subject)
    }
  }
  // The stream is cut when its daemon is killed. If one ends by itself, what waits for its word says so.
  read().catch(() => {})
}
