/**
 * Between which peers probes pass: the keys we gave out and the keys we were given, with the address behind each.
 * It opens no socket; `probe-socket.ts` hands it what came and sends what it makes.
 *
 * Each direction has a key of its own, chosen by the receiver for one peer and one standing link, so a key that is
 * proven says who sent. A peer that is expected anew, because its link was made again, may go on with the key it last
 * proved until it proves the new one: over a bad network its link takes seconds to say what the new key is, and its
 * probes are wanted just then.
 */
import { randomBytes } from 'node:crypto'
import { TokenBucket } from '../util/token-bucket.ts'
import { encodeProbe, openProbe, PROBE_KEY_BYTES, probeHead, probeKey } from '../wire/probe.ts'
import type { ProbeFault, ProbeKey, ProbeMessage } from '../wire/probe.ts'
import { plainHost, unmapped } from './addresses.ts'
import { MAX_PROBE_KEYS, PROBES_PER_KEY_PER_S, STRAY_PROBES_PER_S } from './limits.ts'
import { ReplayWindow } from './replay-window.ts'

/** Why a datagram is refused. */
export type ProbeRefusal =
  | ProbeFault
  /** Under a key nobody here gave out, or that was withdrawn. */
  | 'unknown-key'
  /** Taken before, or too old to tell. */
  | 'replay'
  /** Above the rate; nothing was checked. */
  | 'too-many'

/** Where a datagram came from, or goes to. `host` is an IP address. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** What a peer told us of itself: send datagrams to this port, under this key. */
export interface ProbeTarget extends Endpoint {
  /** `PROBE_KEY_BYTES` long. */
  readonly key: Uint8Array
}

/** A key we gave out. */
interface Given {
  readonly link: Link
  readonly key: ProbeKey
  readonly window: ReplayWindow
  readonly bucket: TokenBucket
}

/** A key we were given. */
interface Held {
  readonly key: ProbeKey
  counter: number
  /** As learnt; no datagram goes to another host. */
  readonly home: string
  to: Endpoint
}

interface Link {
  readonly peer: string
  given: Given | undefined
  /** The key the peer last proved, while it has not proved the present one. */
  proven: Given | undefined
  held: Held | undefined
}

/** Keys and addresses, by peer. */
export class ProbeLinks {
  /** Each has a key we gave out or was learnt while there were fewer: at most twice `MAX_PROBE_KEYS`. */
  readonly #links = new Map<string, Link>()
  /** By key id, at most `MAX_PROBE_KEYS`. */
  readonly #given = new Map<string, Given>()
  readonly #strays: TokenBucket

  /** @param nowMs of the clock that `accept` and `expect` are called with; it never jumps back */
  constructor(nowMs: number) {
    this.#strays = new TokenBucket(STRAY_PROBES_PER_S, STRAY_PROBES_PER_S, nowMs)
  }

  /** Keys given out and still good. */
  get keys(): number {
    return this.#given.size
  }

  /** Makes a new key for what `peer` will send. Undefined when `MAX_PROBE_KEYS` are given out to others. */
  expect(peer: string, nowMs: number): Uint8Array | undefined {
    const known = this.#links.get(peer)
    if (known?.given !== undefined) {
      const isProven = known.given.window.highest > 0
      this.#withdraw(isProven ? known.proven : known.given)
      if (isProven) known.proven = known.given
      known.given = undefined
    }
    if (this.#given.size >= MAX_PROBE_KEYS && known?.proven !== undefined) {
      this.#withdraw(known.proven)
      known.proven = undefined
    }
    if (this.#given.size >= MAX_PROBE_KEYS) return undefined
    const link = this.#linkOf(peer)
    const key = probeKey(randomBytes(PROBE_KEY_BYTES))
    const bucket = new TokenBucket(PROBES_PER_KEY_PER_S, PROBES_PER_KEY_PER_S, nowMs)
    link.given = { link, key, window: new ReplayWindow(), bucket }
    this.#given.set(key.id, link.given)
    return Uint8Array.from(key.bytes)
  }

  /**
   * Notes what `peer` told us, with `host` the address its control connection comes from. False, and nothing is
   * noted, when that is no IP address, the port no port, the key of the wrong length, or there are too many peers.
   * The same key again keeps its counter.
   */
  learn(peer: string, { host, port, key }: ProbeTarget): boolean {
    const home = plainHost(host)
    const isPort = Number.isInteger(port) && port > 0 && port < 65_536
    if (home === undefined || !isPort || key.length !== PROBE_KEY_BYTES) return false
    if (!this.#links.has(peer) && this.#links.size >= MAX_PROBE_KEYS) return false
    const link = this.#linkOf(peer)
    const made = probeKey(key)
    const counter = link.held?.key.id === made.id ? link.held.counter : 0
    // With its zone, if it has one: a link-local address cannot be sent to without.
    link.held = { key: made, counter, home, to: { host: host.includes('%') ? host : home, port } }
    return true
  }

  /** Withdraws all keys of both directions. */
  forget(peer: string): void {
    const link = this.#links.get(peer)
    if (link === undefined) return
    this.#withdraw(link.given)
    this.#withdraw(link.proven)
    this.#links.delete(peer)
  }

  /**
   * The datagram that says `message` to `peer`, and where it goes; undefined when the peer has not told where.
   * @throws WireError as `encodeProbe`
   */
  seal(peer: string, message: ProbeMessage): { readonly bytes: Uint8Array; readonly to: Endpoint } | undefined {
    const held = this.#links.get(peer)?.held
    if (held === undefined) return undefined
    const bytes = encodeProbe(message, held.key, held.counter + 1)
    held.counter += 1
    return { bytes, to: held.to }
  }

  /** Checks a datagram, cheapest first, and says who sent what, or why it is refused. */
  accept(
    bytes: Uint8Array,
    from: Endpoint,
    nowMs: number,
  ): { readonly peer: string; readonly message: ProbeMessage } | ProbeRefusal {
    const head = probeHead(bytes)
    if (typeof head === 'string') return head
    const given = this.#given.get(head.keyId)
    if (given === undefined) return 'unknown-key'
    const { link, window } = given
    // Key ids can be read off the wire. Copying one from elsewhere must not use up what the peer itself may send.
    const home = link.held !== undefined && isHome(link.held, from.host) ? link.held : undefined
    if (!(home === undefined ? this.#strays : given.bucket).take(nowMs)) return 'too-many'
    if (!window.isFresh(head.counter)) return 'replay'
    const message = openProbe(bytes, given.key)
    if (message === 'bad-tag') return message
    const isNewest = window.take(head.counter)
    if (message === 'malformed') return message
    if (given === link.given) {
      this.#withdraw(link.proven)
      link.proven = undefined
      // Not under the key before: what it says of ports is older than what was learnt with this one.
      if (home !== undefined && isNewest) follow(home, from)
    }
    return { peer: link.peer, message }
  }

  #withdraw(given: Given | undefined): void {
    if (given !== undefined) this.#given.delete(given.key.id)
  }

  #linkOf(peer: string): Link {
    let link = this.#links.get(peer)
    if (link === undefined) {
      link = { peer, given: undefined, proven: undefined, held: undefined }
      this.#links.set(peer, link)
    }
    return link
  }
}

function isHome(held: Held, host: string): boolean {
  return host === held.home || plainHost(host) === held.home
}

/**
 * An address translator may give a peer's datagrams another port than the peer knows of: it is answered where they
 * come from, as WireGuard does (Donenfeld, NDSS 2017, "Endpoints & Roaming"), but only on the host of its control
 * connection. A copy from another port that overtakes the original turns the answers away until the next datagram,
 * no longer.
 */
function follow(held: Held, from: Endpoint): void {
  if (from.port > 0 && (held.to.port !== from.port || held.to.host !== from.host)) {
    held.to = { host: unmapped(from.host), port: from.port }
  }
}
