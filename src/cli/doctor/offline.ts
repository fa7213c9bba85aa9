/** The way to another host as far as it can be walked without a daemon here: name, TCP, and what answers. */
import { judgeDial, judgeHandshake, LINK_STEPS, skipAfter } from '../../diagnosis/pair.ts'
import { broken, ok, skipped, someOf } from '../../diagnosis/step.ts'
import { multiaddrOf, readPlace } from '../../diagnosis/target.ts'
import type { DoctorStep } from '../../model/doctor.ts'
import { resolveHost } from '../../reach/networks.ts'
import { greetTcp, type Greeting } from '../../reach/tcp.ts'

/** Addresses of one host that are tried, at once. */
const MAX_ADDRESSES = 8
const NEEDS_DAEMON = 'needs a daemon on this host'

/** Yields the steps in order. */
export async function* examineOffline(text: string, signal: AbortSignal): AsyncGenerator<DoctorStep> {
  const place = readPlace(text)
  const hosts = place === undefined ? { fault: 'no address' } : await resolveHost(place.host)
  if (place === undefined || 'fault' in hosts) {
    yield broken('resolve', `${text} is no address${'fault' in hosts ? `: ${hosts.fault}` : ''}`, {
      cause: 'names of nodes are known to a daemon only, and none runs here',
      fix: ['give an address: HOST:PORT, or one that `althing status` prints on that host'],
    })
    return yield* skipAfter('resolve', ['dial', ...LINK_STEPS])
  }
  yield ok(
    'resolve',
    `${place.host === hosts[0] ? place.host : `${place.host} is ${someOf(hosts)}`}, port ${place.port}`,
  )
  const dials = await Promise.all(hosts.slice(0, MAX_ADDRESSES).map((host) => greetTcp(host, place.port, signal)))
  const attempts = dials.map(({ attempt }) => attempt)
  const dial = judgeDial(text, attempts, undefined)
  yield dial
  if (dial.outcome === 'broken') return yield* skipAfter('dial', LINK_STEPS)
  const first = dials.find(({ attempt }) => attempt.state === 'open')!
  const handshake = judgeGreeting(multiaddrOf(first.attempt), first.greeting ?? 'silent')
  yield handshake
  const rest = LINK_STEPS.slice(1)
  if (handshake.outcome === 'broken') yield* skipAfter('handshake', rest)
  else for (const id of rest) yield skipped(id, NEEDS_DAEMON)
}

function judgeGreeting(address: string, greeting: Greeting): DoctorStep {
  if (greeting === 'libp2p') return ok('handshake', `something at ${address} speaks libp2p; who, ${NEEDS_DAEMON}`)
  const code = greeting === 'silent' ? 'timeout' : 'handshake'
  const failure = { code, text: 'what answers does not speak libp2p', isConnected: false }
  return judgeHandshake({ address, peer: undefined, failure, link: undefined, tookMs: undefined })
}
