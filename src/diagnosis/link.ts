/** The steps over a link that stands: probes, records, and the path it takes. */
import type { DoctorStep } from '../model/doctor.ts'
import { letIn } from './firewall.ts'
import type { LinkFacts } from './pair.ts'
import { broken, inWords, ok, skipped, warning } from './step.ts'

/** How probes by datagram fare. */
export interface ProbeFacts {
  /** Our ping was answered within, milliseconds. */
  readonly rttMs: number | undefined
  readonly sent: number
  /** The other said, over the link, how long ago a datagram of ours came; undefined: none, or it said nothing. */
  readonly heardThereAgeMs: number | undefined
  /** From the first of our pings to the question about them: what was heard there since was heard of these. */
  readonly tookMs: number
  readonly didAnswer: boolean
  /** Round trip of the control stream, milliseconds. */
  readonly linkRttMs: number | undefined
  /** Our own port for datagrams; undefined where there is none. */
  readonly port: number | undefined
  readonly isRelayed: boolean
}

/** Whether probes go by UDP, both ways. Where they do not, the control stream carries them. */
export function judgeProbes(name: string, facts: ProbeFacts): DoctorStep {
  const { rttMs, sent, heardThereAgeMs, tookMs, didAnswer, linkRttMs, port, isRelayed } = facts
  const measured = { rttMs, sent, linkRttMs }
  if (rttMs !== undefined) return ok('probes', `UDP both ways, round trip ${inWords(rttMs)}`, measured)
  if (isRelayed) return skipped('probes', 'go over the control stream: datagrams are not relayed')
  const instead = 'probes go over the control stream instead, and a loss is noticed later'
  if (sent === 0) {
    const cause =
      port === undefined
        ? 'this daemon could bind no UDP port'
        : `${name} takes no datagrams, or this host lets none out`
    const fix = ['the log of that daemon at its start says what was in the way of its UDP port']
    return warning('probes', `no datagram can be sent; ${instead}`, { cause, fix }, measured)
  }
  const arrived = heardThereAgeMs !== undefined && heardThereAgeMs < tookMs
  if (arrived) {
    const cause = `datagrams of this host arrive there, but the answers do not come back: UDP is dropped on this side`
    const fix = port === undefined ? [] : [`on this host, let UDP port ${port} in;`, ...letIn('udp', port)]
    return warning('probes', `UDP in one direction only; ${instead}`, { cause, fix }, measured)
  }
  const cause = didAnswer
    ? `datagrams of this host do not arrive there: UDP is dropped on the side of ${name}, or on the way`
    : 'UDP is dropped somewhere between the two'
  const theirs = [`on ${name}, let in UDP at the port it listens on, which has the number of its TCP port;`]
  const fix = [...theirs, `and UDP port ${port ?? 4100} on this host;`, ...letIn('udp', port ?? 4100)]
  return warning('probes', `no UDP; ${instead}`, { cause, fix }, measured)
}

/** How fresh what each has heard of the other is. */
export interface RecordFacts {
  /** Of their newest heartbeat here, milliseconds; undefined when there is none. */
  readonly hereAgeMs: number | undefined
  /** Of our newest heartbeat there, as the other said. */
  readonly thereAgeMs: number | undefined
  readonly didAnswer: boolean
  /** Without a heartbeat for so long the other counts as offline here, */
  readonly hereLeaseMs: number
  /** and this node there. */
  readonly thereLeaseMs: number
}

/** Whether records pass, both ways. */
export function judgeRecords(name: string, facts: RecordFacts): DoctorStep {
  const { hereAgeMs, thereAgeMs, didAnswer, hereLeaseMs, thereLeaseMs } = facts
  const isFresh = (ageMs: number | undefined, leaseMs: number) => ageMs !== undefined && ageMs < leaseMs
  const isFreshHere = isFresh(hereAgeMs, hereLeaseMs)
  const told = (ageMs: number | undefined) => (ageMs === undefined ? 'none' : `${inWords(ageMs)} old`)
  const there = didAnswer ? told(thereAgeMs) : 'not told'
  const found = `last heartbeat of ${name} here: ${told(hereAgeMs)}; of this node there: ${there}`
  const measured = { hereAgeMs, thereAgeMs }
  if (isFreshHere && (!didAnswer || isFresh(thereAgeMs, thereLeaseMs))) return ok('records', found, measured)
  const deaf = isFreshHere ? `${name} takes none of this node` : `none of ${name} is taken here`
  return broken(
    'records',
    found,
    {
      cause: `the link stands, but heartbeats do not pass: ${deaf}`,
      fix: [
        'on the side that lacks them, `curl --unix-socket SOCKET http://althing/metrics` names what was refused ' +
          '(`althing_refused_…`); `althing status` prints the socket',
        'has the key of one been copied to another host? Then both are in quarantine: give one a new data directory',
      ],
    },
    measured,
  )
}

/** Whether the link is direct. @param nameOf for the relay's */
export function judgePath(
  name: string,
  link: LinkFacts | undefined,
  nameOf: (peer: string) => string,
  rttMs: number | undefined,
): DoctorStep {
  if (link === undefined)
    return broken('path', `the link to ${name} broke while it was examined`, {
      cause: 'the connection was cut',
      fix: ['look again; the logs of both daemons say why links end'],
    })
  const trip = rttMs === undefined ? '' : `, round trip ${inWords(rttMs)}`
  const measured = { direction: link.direction, address: link.address, relay: link.relay, rttMs }
  if (link.relay === undefined) {
    const who = { outbound: 'this node dialled', inbound: `${name} dialled`, both: 'both dialled' }[link.direction]
    return ok('path', `direct, ${who}: ${link.address}${trip}`, measured)
  }
  return broken(
    'path',
    `relay only: all goes through ${nameOf(link.relay)}${trip}`,
    {
      cause: 'no direct connection came about: neither can dial the other (a firewall, or address translation)',
      fix: [
        `let the port of the mesh in on one of the two; what \`dial\` says above is what keeps this node from ${name}`,
        'on a router: forward that port, TCP and UDP, to one of the two; or join both to one VPN',
      ],
    },
    measured,
  )
}
