/** What it means for discovery how far multicast gets. */
import type { DoctorStep } from '../model/doctor.ts'
import { letIn } from './firewall.ts'
import { broken, ok, skipped, someOf, warning } from './step.ts'

/** The port of mDNS, RFC 6762. */
const PORT = 5353

/** What was heard after a question on every interface; as `reach/multicast.ts` gives it. */
export interface MulticastFacts {
  readonly interfaces: readonly {
    readonly name: string
    readonly address: string
    readonly heard: boolean
    readonly error?: string
  }[]
  readonly answers: readonly { readonly host: string; readonly peers: readonly string[] }[]
}

const JOIN = 'or do without: `althing up --join ADDRESS` meets others by address'

function ownFault(facts: MulticastFacts) {
  const deaf = facts.interfaces.filter(({ heard }) => !heard)
  const errors = deaf.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]))
  return {
    cause:
      errors.length > 0
        ? `this machine lets no multicast out (${someOf(errors)})`
        : `this machine drops UDP port ${PORT}, going out or coming in: a firewall rule here`,
    fix: [`on this host, let UDP port ${PORT} in and out;`, ...letIn('udp', PORT), JOIN],
  }
}

/** Of this host alone. @param isOn whether its daemon uses mDNS at all */
export function judgeOwnMulticast(facts: MulticastFacts, isOn: boolean): DoctorStep {
  if (!isOn) return skipped('multicast', 'switched off: the daemon was started with --no-mdns')
  const { interfaces, answers } = facts
  const measured = { interfaces: interfaces.length, heard: interfaces.filter(({ heard }) => heard).length }
  if (interfaces.length === 0) {
    return warning('multicast', 'no interface but loopback has an IPv4 address', {
      cause: 'this machine is on no network',
      fix: ['connect it; `ip -4 address` shows the addresses it has'],
    })
  }
  const deaf = interfaces.filter(({ heard }) => !heard).map(({ name }) => name)
  const told = answers.length === 0 ? 'nobody else answers' : `answered by ${someOf(answers.map(({ host }) => host))}`
  if (deaf.length === 0) {
    return ok('multicast', `goes out and comes in on ${someOf(interfaces.map(({ name }) => name))}; ${told}`, measured)
  }
  const found = `what is sent to 224.0.0.251:${PORT} does not come back on ${someOf(deaf)}`
  if (deaf.length === interfaces.length) return broken('multicast', found, ownFault(facts), measured)
  return warning('multicast', `${found}; ${told}`, ownFault(facts), measured)
}

/** A pair, as far as multicast between the two goes. */
export interface MulticastPair {
  readonly name: string
  /** Hosts of the other, IP addresses, and its id where it is known. */
  readonly hosts: readonly string[]
  readonly peer: string | undefined
  readonly facts: MulticastFacts
  /** Whether this daemon uses mDNS. */
  readonly isOn: boolean
  /** Whether the other's does, as it said; undefined when it did not. */
  readonly isOnThere: boolean | undefined
  /** Both are on one machine. */
  readonly isSameMachine: boolean
  /** One of `hosts` is on a network of this machine: multicast goes no further. */
  readonly isOnLink: boolean
}

/** Whether the two can find each other without being told an address. */
export function judgeMulticastBetween(pair: MulticastPair): DoctorStep {
  const { name, facts, isOn, isOnThere, isSameMachine, isOnLink } = pair
  if (!isOn) return skipped('multicast', 'switched off: this daemon was started with --no-mdns')
  if (isSameMachine) return skipped('multicast', `${name} is on this machine`)
  if (!isOnLink) return skipped('multicast', `${name} is on no network of this machine, and multicast goes no further`)
  const answer = facts.answers.find(
    ({ host, peers }) => pair.hosts.includes(host) || (pair.peer !== undefined && peers.includes(pair.peer)),
  )
  if (answer !== undefined) return ok('multicast', `${name} answers by multicast from ${answer.host}`)
  if (facts.interfaces.length > 0 && facts.interfaces.every(({ heard }) => !heard)) {
    const found = `what this host sends to 224.0.0.251:${PORT} does not even come back to itself`
    return broken('multicast', found, ownFault(facts))
  }
  if (isOnThere === false) return skipped('multicast', `switched off there: ${name} was started with --no-mdns`)
  if (isOnThere === undefined) return skipped('multicast', `${name} does not answer; it is not known whether it would`)
  return broken('multicast', `${name} uses mDNS, is on a network of this machine, and does not answer by multicast`, {
    cause: `UDP port ${PORT} is dropped there, or multicast on the way (a switch, an access point, a VPN)`,
    fix: [
      `on ${name}, let UDP port ${PORT} in;`,
      ...letIn('udp', PORT),
      'on the way: switch off client isolation of the access point, and IGMP snooping without a querier',
      JOIN,
    ],
  })
}
