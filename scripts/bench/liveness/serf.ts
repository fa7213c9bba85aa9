/**
 * HashiCorp's Serf, which finds failures by SWIM and Lifeguard as well: `serf agent` in the LAN profile, its default.
 * https://github.com/hashicorp/serf
 */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { deadline } from '../wait.ts'
import { Losses } from './member.ts'
import type { Kind } from './member.ts'

const run = promisify(execFile)

const START_TIMEOUT_MS = 20_000

/** How to come by it. */
export const GET_SERF = 'no `serf` on the PATH to compare with: `apt-get install serf`, then run this again'

/** The version of the Serf on the PATH; undefined when there is none. */
export async function serfVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run('serf', ['version'])
    const told = /\d+\.\d+\.\d\S*/.exec(stdout)?.[0] ?? stdout.split('\n')[0]!.trim()
    // Debian's binaries are built without the version they are of.
    const packaged = await run('dpkg-query', ['--show', '--showformat=${Version}', 'serf']).catch(() => undefined)
    return packaged === undefined || packaged.stdout === '' ? told : `${told}, package ${packaged.stdout}`
  } catch {
    return undefined
  }
}

/**
 * A mesh of Serf agents. What they hold offline is read from the line each writes when it does so; the event that its
 * handlers get is gathered for another second or more, which is not counted against it.
 */
export function serf(): Kind {
  return {
    name: 'Serf',
    async start(host, seed) {
      const { name, ip } = host
      const words = ['agent', `-node=${name}`, `-bind=${ip}:7946`, `-rpc-addr=${ip}:7373`, '-profile=lan']
      if (seed !== undefined) words.push(`-join=${seed.host.ip}`)
      const child = host.spawn('serf', words)
      const losses = new Losses()
      const present = new Set<string>()
      const lines: string[] = []
      const exited = once(child, 'exit')
      const listening = Promise.withResolvers<void>()
      for (const input of [child.stdout!, child.stderr!]) {
        createInterface({ input }).on('line', (line) => {
          if (lines.push(line) > 20) lines.shift()
          const [, what, who] = /serf: EventMember(Join|Failed|Leave): (\S+)/.exec(line) ?? []
          if (what === 'Join') present.add(who!)
          else if (who !== undefined) present.delete(who)
          if (what === 'Failed') losses.note(who!)
          // The first that joins is itself, once it listens.
          if (who === name) listening.resolve()
        })
      }
      const ended = exited.then(() => Promise.reject(new Error(`serf has ended:\n${lines.join('\n')}`)))
      ended.catch(() => {})
      await deadline(Promise.race([listening.promise, ended]), START_TIMEOUT_MS, `serf on ${name} to listen`)
      return {
        id: name,
        host,
        pid: child.pid!,
        losses,
        countPresent: () => Promise.race([ended, Promise.resolve(present.size)]),
        async kill() {
          child.kill('SIGKILL')
          await exited
        },
      }
    },
  }
}
