/**
 * The steps between this node and another, each judged by what was measured. Each needs the one before; the first that
 * is broken names what is wrong.
 */
import type { DoctorStep, StepId } from '../model/doctor.ts'
import { letBothIn } from './firewall.ts'
import { broken, inWords, ok, skipped, someOf, warning } from './step.ts'

/** The steps that need a link, in order. */
export const LINK_STEPS = ['handshake', 'protocol', 'cluster', 'clock', 'probes', 'records', 'path'] as const

/** Steps that were not taken, since an earlier one broke. */
export function skipAfter(id: StepId, steps: readonly StepId[]): DoctorStep[] {
  return steps.map((step) => skipped(step, `needs ${id}`))
}

/** How a link stands; as `Peer.link` gives it. */
export interface LinkFacts {
  readonly address: string
  /** `both`: each dialled the other at one moment, through a hole. */
  readonly direction: 'inbound' | 'outbound' | 'both'
  readonly relay: string | undefined
}

/** One dial by plain TCP; as `reach/tcp.ts` gives it. */
export interface DialFacts {
  readonly host: string
  readonly port: number
  readonly state: 'open' | 'refused' | 'timeout' | 'no-route' | 'blocked' | 'failed'
  readonly tookMs: number
  readonly code?: string
}

function placeOf({ host, port }: DialFacts): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function describeDial(dial: DialFacts): string {
  const { state, tookMs, code } = dial
  switch (state) {
    case 'open':
      return `${placeOf(dial)} takes connections (${inWords(tookMs)})`
    case 'refused':
      return `${placeOf(dial)} refuses`
    case 'timeout':
      return `${placeOf(dial)} does not answer within ${inWords(tookMs)}`
    default:
      return `${placeOf(dial)}: ${code ?? state}`
  }
}

/** Whether TCP gets through. @param link what stands between the two already */
export function judgeDial(name: string, dials: readonly DialFacts[], link: LinkFacts | undefined): DoctorStep {
  if (dials.length === 0) {
    if (link === undefined) {
      return broken('dial', `no address of ${name} is known`, {
        cause: 'it is known by name alone',
        fix: [`give an address of it, as \`althing status\` prints it there: \`althing doctor ADDRESS\``],
      })
    }
    return skipped('dial', `no address of ${name} is known, but a link stands (it dialled)`)
  }
  const found = someOf(dials.map(describeDial))
  const open = dials.filter(({ state }) => state === 'open')
  const measured = { tried: dials.length, open: open.length, tookMs: open[0]?.tookMs }
  if (open.length > 0) return ok('dial', found, measured)
  const fault = dialFault(name, dials)
  if (link === undefined) return broken('dial', found, fault, measured)
  const how = link.relay === undefined ? 'the link stands because it dialled this node' : 'a relay stands in'
  return warning('dial', `${found}; ${how}`, fault, measured)
}

/** Who refuses is there; of the rest the first says most, since some addresses of a host are for others than us. */
const TELLING: readonly DialFacts['state'][] = ['refused', 'timeout', 'blocked', 'no-route', 'failed', 'open']

function dialFault(name: string, dials: readonly DialFacts[]): { cause: string; fix: string[] } {
  const first = dials.toSorted((a, b) => TELLING.indexOf(a.state) - TELLING.indexOf(b.state))[0]!
  const { host, port, state } = first
  switch (state) {
    case 'timeout':
      return {
        cause:
          `packets to TCP port ${port} of ${host} are dropped, by a firewall there or on the way; ` +
          'or that host is off',
        fix: [`on ${name}, let TCP and UDP port ${port} in;`, ...letBothIn(port)],
      }
    case 'refused':
      return {
        cause: `the host ${host} is there, but nothing listens on its TCP port ${port}, or a firewall there rejects it`,
        fix: [
          `on ${name}, start the daemon: \`althing up\``,
          'if it runs, `althing status` there prints the addresses it listens on (`join by`): use one of these',
          `make the port a fixed one there: \`althing up --port ${port}\``,
        ],
      }
    case 'no-route':
      return {
        cause: `no route leads to ${host}, or it does not answer on its own network`,
        fix: [`\`ip route get ${host}\` shows the way packets take; connect the two networks, by a VPN for example`],
      }
    case 'blocked':
      return {
        cause: `this machine's own firewall forbids to connect to ${host}`,
        fix: [`on this host, let TCP to port ${port} out; \`nft list ruleset\` shows the rules`],
      }
    default:
      return { cause: `the system says ${first.code ?? 'no more'}`, fix: [] }
  }
}

/** How far a dial with libp2p came; codes as `peer/errors.ts` has them, and whether it was connected by then. */
export interface HandshakeFacts {
  readonly address: string
  /** The peer id that the other side proved. */
  readonly peer: string | undefined
  readonly failure: { readonly code: string; readonly text: string; readonly isConnected: boolean } | undefined
  readonly link: LinkFacts | undefined
  readonly tookMs: number | undefined
}

/** Whether the other side proves who it is (noise) and its connection can be shared (yamux). */
export function judgeHandshake({ address, peer, failure, link, tookMs }: HandshakeFacts): DoctorStep {
  if (failure === undefined || failure.isConnected || failure.code === 'not-althing') {
    const how = tookMs === undefined ? 'a link stands' : `in ${inWords(tookMs)}`
    const who = peer === undefined ? 'the other side' : peer
    return ok('handshake', `${who} proved its key at ${link?.address ?? address}, ${how}`, { peer, tookMs })
  }
  const { code, text } = failure
  const measured = { code, address }
  switch (code) {
    case 'wrong-peer':
      return broken(
        'handshake',
        `another peer answers at ${address} than the one that was asked for`,
        {
          cause:
            'the address is now that of another host, or the daemon there has a new data directory, and so a new id',
          fix: ['take the address from `althing status` there, and use it wherever the old one is used (`--join`)'],
        },
        measured,
      )
    case 'elsewhere':
      return broken(
        'handshake',
        `${peer} is linked by ${text}, but something else answers at ${address}`,
        {
          cause: 'the address is now that of another host, or of another program there',
          fix: [
            `\`althing doctor ${peer}\` examines the way by which the two are linked`,
            'take the address from `althing status` there, and use it wherever the old one is used (`--join`)',
          ],
        },
        measured,
      )
    case 'self':
      return broken(
        'handshake',
        `${address} is this very node`,
        {
          cause: 'a way leads from this node to another',
          fix: ['give the address of the other; `althing doctor` without one examines this host'],
        },
        measured,
      )
    case 'public-address':
      return broken(
        'handshake',
        `${address} is a public address`,
        {
          cause: 'this daemon was started for private networks only',
          fix: ['`althing up --public` on both, if that is meant; or a VPN between the two'],
        },
        measured,
      )
    case 'timeout':
      return broken(
        'handshake',
        'TCP connects, but the other side does not shake hands in time',
        {
          cause: 'something in between takes the connection (a proxy, a port forwarded to nowhere), or that host hangs',
          fix: ['look with `althing status` on that host whether its daemon answers', 'check what forwards this port'],
        },
        measured,
      )
    case 'not-allowed':
      return broken(
        'handshake',
        `the two do not let each other in (${text})`,
        {
          cause: 'one of them has turned the other away',
          fix: ['the logs of both daemons say why'],
        },
        measured,
      )
    default:
      return broken(
        'handshake',
        `no handshake with ${address}: ${text}`,
        {
          cause: 'something else than a daemon of Althing listens there',
          fix: ['compare the port with `althing status` on that host (`join by`)'],
        },
        measured,
      )
  }
}

/** What the other said once a link stood. */
export interface GreetingFacts {
  readonly cluster: string
  readonly version: string
}

/** Whether the other speaks Althing. */
export function judgeProtocol(
  failure: HandshakeFacts['failure'],
  greeting: GreetingFacts | undefined,
  ownVersion: string,
): DoctorStep {
  if (greeting !== undefined) {
    const same = greeting.version === ownVersion ? 'as here' : `here ${ownVersion}`
    return ok('protocol', `speaks althing, version ${greeting.version} (${same})`, { version: greeting.version })
  }
  if (failure?.code === 'not-althing') {
    return broken('protocol', 'speaks libp2p, but not Althing', {
      cause: 'another program that uses libp2p listens there, or an Althing too old or too new for this one',
      fix: ['compare `althing --version` on both', 'compare the port with `althing status` on that host (`join by`)'],
    })
  }
  return broken('protocol', failure?.text ?? 'a control stream stands, but the other side says nothing on it', {
    cause: 'the other side took the connection and then closed it or fell silent: it turned this node away, or hangs',
    fix: ['the log of the daemon there says why', '`althing status` on that host shows whether it answers'],
  })
}

/** Whether both are of one cluster. */
export function judgeCluster(name: string, ours: string, theirs: string): DoctorStep {
  const measured = { ours, theirs }
  if (ours === theirs) return ok('cluster', `both are of cluster ${ours}`, measured)
  return broken(
    'cluster',
    `${name} is of cluster ${theirs}, this node of cluster ${ours}`,
    {
      cause: 'daemons of different clusters exchange nothing',
      fix: [
        `start this one with \`althing up --cluster ${theirs}\`, or that one with \`althing up --cluster ${ours}\``,
        'both find their data again: the cluster is a name that is given at each start',
      ],
    },
    measured,
  )
}
