/** The steps of one host: what its daemon needs to take part. */
import type { DoctorStep } from '../model/doctor.ts'
import { formatBytes } from '../model/quantity.ts'
import { letBothIn, letIn } from './firewall.ts'
import { broken, inWords, ok, skipped, someOf, warning } from './step.ts'

/** What was found of the daemon of this host. */
export type DaemonFacts =
  | {
      readonly state: 'up'
      readonly name: string
      readonly pid: number
      readonly version: string
      readonly own: string
    }
  /** `holder`: the pid that holds the data directory though nobody answers at the socket. */
  | { readonly state: 'down'; readonly socketPath: string; readonly holder: number | undefined }
  /** Somebody is at the socket, and it is of no use: the message and the fix say why. */
  | { readonly state: 'unusable'; readonly why: string; readonly fix: string | undefined }

/** Whether a daemon runs here. `own` is the version of the command. */
export function judgeDaemon(facts: DaemonFacts): DoctorStep {
  if (facts.state === 'up') {
    const { name, pid, version, own } = facts
    const found = `${name} runs, version ${version}, pid ${pid}`
    if (version === own) return ok('daemon', found, { version, pid })
    const cause = `this command is of version ${own}: the daemon was started before Althing was replaced`
    return warning(
      'daemon',
      found,
      { cause, fix: ['`althing down && althing up --detach`; tasks run on'] },
      { version },
    )
  }
  if (facts.state === 'unusable') {
    return broken('daemon', facts.why, {
      cause: 'the daemon cannot be asked',
      fix: facts.fix === undefined ? [] : [facts.fix],
    })
  }
  const { socketPath, holder } = facts
  if (holder === undefined) {
    return broken('daemon', `no daemon runs here (tried ${socketPath})`, {
      cause: 'it was not started, or it ended',
      fix: ['`althing up`, or `althing up --detach`', 'if another is meant, name it by --data-dir or --socket'],
    })
  }
  return broken('daemon', `pid ${holder} holds the data directory, and nobody answers at ${socketPath}`, {
    cause: 'the daemon is just starting or stopping, or its socket was removed',
    fix: ['look again in some seconds', `\`kill ${holder}\`, then \`althing up\`; tasks run on`],
  })
}

/** What was found of the data directory. */
export interface DataDirectoryFacts {
  readonly path: string
  /** Why it cannot be used, in the system's words. */
  readonly fault: string | undefined
  readonly exists: boolean
}

/** Whether the data directory can be written. */
export function judgeDataDirectory({ path, fault, exists }: DataDirectoryFacts): DoctorStep {
  if (fault !== undefined) {
    return broken('data-directory', `${path} cannot be used: ${fault}`, {
      cause: 'it belongs to another user, or its disk is mounted read-only',
      fix: ['make it belong to the user of the daemon (`chown -R`), or name another with --data-dir'],
    })
  }
  return ok('data-directory', exists ? `${path} is writable` : `${path} is not there yet: \`althing up\` makes it`)
}

/** Below this the daemon soon promises nothing more; and below this input and output of tasks may not fit. */
const DISK_BROKEN_BYTES = 16 * 1024 * 1024
const DISK_WARNING_BYTES = 1024 * 1024 * 1024

/** Free space where the data directory is. */
export function judgeDisk(path: string, freeBytes: number | undefined): DoctorStep {
  if (freeBytes === undefined) return skipped('disk', `the free space of ${path} cannot be told`)
  const found = `${formatBytes(freeBytes)} free at ${path}`
  const fix = ['make room, or name a directory on another disk with --data-dir']
  const measured = { freeBytes }
  if (freeBytes < DISK_BROKEN_BYTES) {
    return broken('disk', found, { cause: 'a daemon that cannot store promises nothing', fix }, measured)
  }
  if (freeBytes >= DISK_WARNING_BYTES) return ok('disk', found, measured)
  return warning('disk', found, { cause: 'inputs and outputs of tasks may not fit', fix }, measured)
}

/** What the system says of its clock. `synchronised` is undefined where nothing says it. */
export interface TimeSyncFacts {
  readonly wallMs: number
  readonly synchronised: boolean | undefined
}

/** No clock that is right shows a time before this was written: 2025-01-01T00:00:00Z. */
const EARLIEST_MS = 1_735_689_600_000

/** Whether the clock can be right, and is kept right. */
export function judgeTimeSync({ wallMs, synchronised }: TimeSyncFacts): DoctorStep {
  const found = `it is ${new Date(wallMs).toISOString()}`
  const fix = ['`timedatectl set-ntp true`, or with chrony `systemctl enable --now chronyd`']
  if (wallMs < EARLIEST_MS) {
    return broken('time-sync', found, { cause: 'the clock was never set, or the battery of the machine is empty', fix })
  }
  if (synchronised === true) return ok('time-sync', `${found}, kept by NTP`)
  if (synchronised === undefined) return skipped('time-sync', `${found}; no timedatectl here to say who keeps it`)
  return warning('time-sync', `${found}, not kept by NTP`, { cause: 'clocks that nobody keeps drift apart', fix })
}

/** Whether the store takes what is written. @param blockedBy what it waits for */
export function judgeStore(blockedBy: string | undefined): DoctorStep {
  if (blockedBy === undefined) return ok('store', 'takes what is written')
  return broken('store', `waits: ${blockedBy}`, {
    cause: 'what cannot be stored is not promised: the daemon holds everything back until it can',
    fix: ['make room on the disk of the data directory; it goes on by itself then'],
  })
}

/** An address as it is told to others. */
export interface AddressFacts {
  readonly text: string
  readonly isLoopback: boolean
}

/** Whether others have reached this node, as `Peer.network` tells it. */
export interface DialableFacts {
  readonly dialable: 'yes' | 'partly' | 'no' | 'unknown'
  /** Peers that relay for it. */
  readonly relays: readonly string[]
}

/** Whether others can be told where this node is, and can dial it there. */
export function judgeAddresses(addresses: readonly AddressFacts[], { dialable, relays }: DialableFacts): DoctorStep {
  const outside = addresses.filter(({ isLoopback }) => !isLoopback)
  const measured = { addresses: addresses.length, outside: outside.length, dialable, relays: relays.length }
  const found = `listens on ${someOf(addresses.map(({ text }) => text.replace(/\/p2p\/[^/]+$/, '')))}`
  if (outside.length > 0 && dialable === 'no') {
    const by = relays.length === 0 ? 'and no member relays for it' : `and reached by way of ${relays.length} relays`
    const port = /\/tcp\/(\d+)/.exec(outside[0]!.text)?.[1] ?? 'of the mesh'
    const cause = 'a firewall, or a router that translates addresses, lets nothing in that was not asked for'
    const here = [`on this host, let TCP and UDP port ${port} in, and forward it where a router is in between;`]
    return warning(
      'addresses',
      `${found}; neighbours cannot dial it, ${by}`,
      {
        cause,
        fix: [...here, ...(Number.isNaN(Number(port)) ? [] : letBothIn(Number(port)))],
      },
      measured,
    )
  }
  if (outside.length > 0) return ok('addresses', found, measured)
  const fix = [
    'connect this machine to a network; `ip address` shows its addresses',
    '`--listen` names other addresses; public ones need `--public`',
  ]
  if (addresses.length === 0) {
    return broken('addresses', 'listens nowhere', { cause: 'no address of this machine can be listened on', fix })
  }
  const cause = 'only this machine itself can reach this node'
  return warning('addresses', found, { cause, fix }, measured)
}

/** How tasks are held to their limits. */
export function judgeLimits({ cpu, memory }: { readonly cpu: string; readonly memory: string }): DoctorStep {
  const found = `CPU by ${cpu}, memory by ${memory}`
  const measured = { cpu, memory }
  if (cpu.startsWith('cgroup') && memory.startsWith('cgroup')) return ok('limits', found, measured)
  return warning(
    'limits',
    found,
    {
      cause: 'the kernel does not let this daemon make cgroups: a task may take more than it was given for a moment',
      fix: ['`systemd-run --user --scope -p Delegate=yes althing up`, or run it as a service with `Delegate=yes`'],
    },
    measured,
  )
}

/** One linked peer. */
export interface NeighbourFacts {
  readonly name: string
  /** As it said in its hello; undefined before that. */
  readonly cluster: string | undefined
  readonly isRelayed: boolean
  readonly rttMs: number | undefined
  /** It answers datagrams. */
  readonly byDatagram: boolean
}

/** Who should be linked to this node, and is not. */
export interface AbsentFacts {
  /** Addresses given with `--join`. */
  readonly wanted: readonly string[]
  /** Names of members that are held offline. */
  readonly lost: readonly string[]
}

/** Who is linked to this node, and who should be. */
export function judgeNeighbours(
  neighbours: readonly NeighbourFacts[],
  cluster: string,
  { wanted, lost }: AbsentFacts,
): DoctorStep {
  const ours = neighbours.filter((one) => one.cluster === cluster)
  const foreign = neighbours.filter((one) => one.cluster !== undefined && one.cluster !== cluster)
  const relayed = ours.filter(({ isRelayed }) => isRelayed)
  const measured = { linked: ours.length, foreign: foreign.length, relayed: relayed.length, offline: lost.length }
  const how = ({ name, isRelayed, rttMs }: NeighbourFacts) =>
    `${name} (${isRelayed ? 'relayed' : 'direct'}${rttMs === undefined ? '' : `, ${inWords(rttMs)}`})`
  const found = ours.length === 0 ? 'none' : someOf(ours.map(how))
  if (wanted.length > 0) {
    return warning(
      'neighbours',
      `${found}; not linked: ${someOf(wanted)}`,
      {
        cause: 'an address given with --join does not lead to a link',
        fix: wanted.slice(0, 3).map((address) => `\`althing doctor ${address}\` says what is in the way`),
      },
      measured,
    )
  }
  if (foreign.length > 0) {
    const others = someOf(foreign.map((one) => `${one.name} is of ${one.cluster}`))
    return warning(
      'neighbours',
      `${found}; of other clusters: ${others}`,
      {
        cause: `this node is of cluster ${cluster}, and exchanges nothing with those of others`,
        fix: ['`althing up --cluster NAME` gives the cluster at each start'],
      },
      measured,
    )
  }
  if (lost.length > 0) {
    const cause =
      ours.length === 0
        ? 'all others that this node knows are off, or it is cut off from them'
        : 'they are off, or cut off from the others'
    const fix = lost.slice(0, 3).map((name) => `\`althing doctor ${name}\` says what is in the way`)
    return warning('neighbours', `${found}; offline: ${someOf(lost)}`, { cause, fix }, measured)
  }
  if (ours.length > 0) return ok('neighbours', found, measured)
  return warning(
    'neighbours',
    'none: this node is alone',
    {
      cause: 'nobody of this cluster was found by multicast, and none was named by --join',
      fix: [
        '`althing up --join ADDRESS`, with an address as `althing status` prints it on another host',
        '`althing doctor ADDRESS` examines the way there',
      ],
    },
    measured,
  )
}

/** Whether datagrams of neighbours get here and back. @param port undefined where no UDP port could be bound */
export function judgeProbePort(port: number | undefined, neighbours: readonly NeighbourFacts[]): DoctorStep {
  if (port === undefined) {
    return warning('probes', 'no UDP port could be bound', {
      cause: 'UDP is not to be had here; probes go over the control streams, and a loss is noticed later',
      fix: ['the log of the daemon at its start says what was in the way'],
    })
  }
  const reached = neighbours.filter(({ byDatagram }) => byDatagram).length
  const measured = { port, reached, neighbours: neighbours.length }
  if (neighbours.length === 0) return skipped('probes', `UDP port ${port} is open here; no neighbour to try it with`)
  const found = `UDP port ${port}: ${reached} of ${neighbours.length} neighbours answer by datagram`
  if (reached === neighbours.length) return ok('probes', found, measured)
  const lacking = neighbours.filter(({ byDatagram }) => !byDatagram).map(({ name }) => name)
  return warning(
    'probes',
    found,
    {
      cause:
        reached === 0
          ? 'UDP is dropped here, or on all ways; probes go over the control streams, and a loss is noticed later'
          : `UDP is dropped on the way to ${someOf(lacking)}; their probes go over the control stream`,
      fix: [
        ...(reached === 0 ? [`on this host, let UDP port ${port} in;`, ...letIn('udp', port)] : []),
        ...lacking.slice(0, 3).map((name) => `\`althing doctor ${name}\` says on which side`),
      ],
    },
    measured,
  )
}
