/**
 * A little network of machines on this one, without root: every node is a network namespace of its own inside one
 * unprivileged user namespace, all joined by a bridge, as hosts on one LAN are.
 *
 * The namespaces live as long as their holder, a `cat` reading a pipe from this process; so they go when this
 * process does, however it ends.
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess, ChildProcessByStdio, SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface NetnsNode {
  readonly name: string
  /** Its address on the bridge, e.g. `10.77.0.1`. */
  readonly ip: string
  /** Starts a program inside; the child's pid is the program's own, so that signals reach it. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Runs a program inside to its end and returns what it wrote; rejects when it fails. */
  exec(command: string, args: readonly string[]): Promise<string>
  /** Pulls the cable: frames are dropped, nobody is told. */
  cut(): Promise<void>
  /** Plugs it in again. */
  heal(): Promise<void>
  /**
   * Plugs it into another switch, made when it is first named: its nodes hear each other alone. `heal` brings it back.
   * Absent where it is another node's.
   */
  moveTo?(network: string): Promise<void>
  /**
   * A further node behind this one, which becomes its router: what it sends leaves under this one's address, and
   * nothing comes in to it unasked. Rejects where nft cannot do that.
   */
  behind(name: string): Promise<NetnsNode>
}

export interface NetnsLab {
  readonly nodes: readonly NetnsNode[]
  /** Kills what still runs inside and removes the network. */
  close(): Promise<void>
}

/** Every network behind a router has these, as at home: two hosts behind two routers have one address. */
const LAN_ROUTER = '192.168.77.1'
const LAN_HOST = '192.168.77.2'

type Holder = ChildProcessByStdio<Writable, Readable, null>

/** Why this machine cannot make such a network, or `undefined` when it can. */
export async function netnsUnavailable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  const probe = 'ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2'
  try {
    await run('unshare', ['-rn', 'sh', '-c', probe])
    await run('nsenter', ['--version'])
    return undefined
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return 'unshare, nsenter (util-linux) or ip (iproute2) is not installed'
    return `no unprivileged network namespaces here (unshare -rn): ${(stderr ?? String(code)).trim()}`
  }
}

/**
 * Makes one node per name, `10.77.0.1` upwards, with loopback, the bridge and a default route (without one a
 * multicast packet has nowhere to go).
 */
export async function createNetns(names: readonly string[]): Promise<NetnsLab> {
  const holders: Holder[] = []
  const children = new Set<ChildProcess>()
  const close = async (): Promise<void> => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(
      [...children, ...holders].map(async (child) => {
        child.stdin?.end()
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }),
    )
  }
  const nodeOf = (
    name: string,
    ip: string,
    inside: readonly string[],
    rest: Pick<NetnsNode, 'cut' | 'heal' | 'moveTo' | 'behind'>,
  ): NetnsNode => ({
    name,
    ip,
    spawn: (command, args, options = {}) => {
      const child = spawn('nsenter', [...inside, command, ...args], options)
      children.add(child)
      child.once('exit', () => children.delete(child))
      return child
    },
    exec: async (command, args) => (await run('nsenter', [...inside, command, ...args])).stdout,
    ...rest,
  })
  const behind = async (name: string, router: readonly string[]): Promise<NetnsNode> => {
    const hubPid = String(holders[0]?.pid)
    const holder = await hold(holders, 'nsenter', ['-t', hubPid, '-U', '--preserve-credentials', 'unshare', '-n'])
    const inside = ['-t', String(holder.pid), '-U', '-n', '--preserve-credentials']
    const rules = `table ip router {
      chain out { type nat hook postrouting priority 100; oifname eth0 masquerade; }
      chain in { type filter hook input priority 0; iifname eth0 ct state new drop; }
      chain through { type filter hook forward priority 0; policy drop; iifname lan accept;
        ct state established,related accept; }; }`
    const here = `ip link add lan type veth peer name eth0 netns ${holder.pid} && ip link set lan up &&
      ip addr add ${LAN_ROUTER}/24 dev lan && echo 1 > /proc/sys/net/ipv4/ip_forward && nft '${rules}'`
    await run('nsenter', [...router, 'sh', '-c', here])
    const there = `ip link set lo up && ip addr add ${LAN_HOST}/24 dev eth0 && ip link set eth0 up &&
      ip route add default via ${LAN_ROUTER}`
    await run('nsenter', [...inside, 'sh', '-c', there])
    const link = (state: string) => async () =>
      void (await run('nsenter', [...router, 'ip', 'link', 'set', 'lan', state]))
    return nodeOf(name, LAN_HOST, inside, {
      cut: link('down'),
      heal: link('up'),
      behind: async (inner) => behind(inner, inside),
    })
  }
  try {
    const hub = await hold(holders, 'unshare', ['-rn'])
    const hubPid = String(hub.pid)
    const inHub = ['-t', hubPid, '-U', '-n', '--preserve-credentials']
    await run('nsenter', [...inHub, 'sh', '-c', 'ip link add br0 type bridge && ip link set br0 up'])
    const nodes: NetnsNode[] = []
    for (const [index, name] of names.entries()) {
      const ip = `10.77.0.${index + 1}`
      const holder = await hold(holders, 'nsenter', ['-t', hubPid, '-U', '--preserve-credentials', 'unshare', '-n'])
      const pid = String(holder.pid)
      const inside = ['-t', pid, '-U', '-n', '--preserve-credentials']
      await run('nsenter', [
        ...inHub,
        'sh',
        '-c',
        `
        ip link add veth${index} type veth peer name eth0 netns ${pid} &&
        ip link set veth${index} master br0 up`,
      ])
      await run('nsenter', [
        ...inside,
        'sh',
        '-c',
        `
        ip link set lo up && ip addr add ${ip}/24 dev eth0 && ip link set eth0 up &&
        ip route add default dev eth0`,
      ])
      nodes.push(
        nodeOf(name, ip, inside, {
          // At the bridge's end, so that the node itself sees its interface up.
          cut: async () => void (await run('nsenter', [...inHub, 'ip', 'link', 'set', `veth${index}`, 'nomaster'])),
          heal: async () =>
            void (await run('nsenter', [...inHub, 'ip', 'link', 'set', `veth${index}`, 'master', 'br0'])),
          moveTo: async (network) => {
            const script = `
              ip link show ${network} >/dev/null 2>&1 || ip link add ${network} type bridge || exit
              ip link set ${network} up && ip link set veth${index} master ${network}`
            await run('nsenter', [...inHub, 'sh', '-c', script])
          },
          behind: async (inner) => behind(inner, inside),
        }),
      )
    }
    return { nodes, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Starts `command args cat` and waits until the cat, in its new namespace, answers. */
async function hold(holders: Holder[], command: string, args: string[]): Promise<Holder> {
  const holder = spawn(command, [...args, 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  holders.push(holder)
  holder.stdin.write('held\n')
  const failed = once(holder, 'exit').then(([code]) => {
    throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
  })
  await Promise.race([once(holder.stdout, 'data'), failed])
  failed.catch(() => {})
  return holder
}
