/**
 * Machines to measure a mesh on: each a network namespace with a host name of its own, joined by a bridge; or, where
 * such cannot be made, this machine's loopback with an address for each.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { createNetns, netnsUnavailable } from '../../test/support/netns.ts'

const run = promisify(execFile)

/** One of them. */
export interface Host {
  readonly name: string
  /** Where its members listen. */
  readonly ip: string
  /** Its network device, the counters of which are its alone. Absent where it shares one. */
  readonly device?: string
  /** Starts a program on it; the child's pid is the program's own. Its output is to be read. */
  spawn(command: string, args: readonly string[]): ChildProcess
  /** Nothing comes from it or gets to it any more, and nobody is told. */
  silence(): Promise<void>
  /** Ends the silence, unless what ran there has ended meanwhile. */
  heal(): Promise<void>
  /** Runs a program on it to its end. @throws Error when that fails */
  exec(command: string, args: readonly string[]): Promise<void>
  /** Moves its cable to another switch, whose hosts hear each other alone. Absent where there are no cables. */
  moveTo?(network: string): Promise<void>
}

/** All of them. */
export interface Hosts {
  readonly all: readonly Host[]
  /** What they are, and how one is silenced, in a few words. */
  readonly what: string
  readonly silencedBy: string
  /** Kills what still runs on them, and removes them. */
  close(): Promise<void>
}

const STDIO: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'] }

/** Makes `count` hosts, at most 254. Nothing on this machine is changed, and no root is needed. */
export async function makeHosts(count: number): Promise<Hosts> {
  const names = Array.from({ length: count }, (_, i) => `host${i + 1}`)
  const reason = await netnsUnavailable()
  return reason === undefined ? namespaces(names) : loopback(names, reason)
}

async function namespaces(names: readonly string[]): Promise<Hosts> {
  const lab = await createNetns(names)
  const all = lab.nodes.map((node): Host => {
    const { name, ip } = node
    return {
      name,
      ip,
      device: 'eth0',
      // Witnesses on one machine count once, and by its name a daemon knows a machine.
      spawn: (command, args) =>
        node.spawn('unshare', ['-u', 'sh', '-c', 'hostname "$0" && exec "$@"', name, command, ...args], STDIO),
      silence: () => node.cut(),
      heal: () => node.heal(),
      exec: async (command, args) => void (await node.exec(command, args)),
      moveTo: (network) => node.moveTo!(network),
    }
  })
  const what = 'each in a network namespace of its own'
  return { all, what, silencedBy: 'its cable pulled', close: () => lab.close() }
}

function loopback(names: readonly string[], reason: string): Hosts {
  const children = new Set<ChildProcess>()
  const all = names.map((name, i): Host => {
    let last: ChildProcess | undefined
    return {
      name,
      ip: `127.0.0.${i + 1}`,
      spawn: (command, args) => {
        const child = (last = spawn(command, args, STDIO))
        children.add(child)
        child.once('exit', () => children.delete(child))
        return child
      },
      silence: async () => void last?.kill('SIGSTOP'),
      heal: async () => void last?.kill('SIGCONT'),
      exec: async (command, args) => void (await run(command, args)),
    }
  })
  const close = async (): Promise<void> => {
    const left = [...children].map((child) => ({ child, exited: once(child, 'exit') }))
    for (const { child } of left) child.kill('SIGKILL')
    await Promise.all(left.map(({ exited }) => exited))
  }
  return { all, what: `all on loopback (${reason})`, silencedBy: 'SIGSTOP', close }
}
