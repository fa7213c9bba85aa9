/** Dials, and says for each address which step broke. Concurrent dials to one peer share one. */
import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { AddressBook } from './address-book.ts'
import { isRelayed } from './address-book.ts'
import { isPrivateAddress, parseTcpAddress, resolveAddress } from './addresses.ts'
import type { Counters } from './counters.ts'
import { brokenStep, PeerError, type BrokenStep } from './errors.ts'
import type { Host } from './host.ts'
import { ADDRESS_DIAL_TIMEOUT_MS, DIRECT_DIAL_TIMEOUT_MS, REACH_TIMEOUT_MS } from './limits.ts'

export class Dialer {
  readonly #host: Host
  readonly #book: AddressBook
  readonly #allowPublic: boolean
  readonly #counters: Counters
  /** Makes addresses by way of relays dialable. */
  readonly #loadRelaying: () => Promise<unknown>
  readonly #dials = new Map<string, Promise<Connection>>()

  constructor(
    host: Host,
    book: AddressBook,
    allowPublic: boolean,
    counters: Counters,
    loadRelaying: () => Promise<unknown>,
  ) {
    this.#host = host
    this.#book = book
    this.#allowPublic = allowPublic
    this.#counters = counters
    this.#loadRelaying = loadRelaying
  }

  /** The connection that stands, if one does. */
  connectionTo(peer: string): Connection | undefined {
    return this.#host
      .getConnections()
      .findLast((connection) => connection.status === 'open' && connection.remotePeer.toString() === peer)
  }

  /**
   * Connects to a peer by its known addresses, one after the other, within 5 s.
   *
   * @throws PeerError `unreachable` with each address and what broke there; `bad-address` for an id that is none
   */
  async toPeer(peer: string): Promise<Connection> {
    const standing = this.connectionTo(peer)
    if (standing !== undefined) return standing
    const underway = this.#dials.get(peer)
    if (underway !== undefined) return underway
    const dial = this.#dialKnown(peer).finally(() => this.#dials.delete(peer))
    this.#dials.set(peer, dial)
    return dial
  }

  /** A connection to this peer is coming about otherwise: whoever wants one waits for it, and dials if it fails. */
  expect(peer: string, coming: Promise<Connection>): void {
    const dial = coming.catch(() => this.#dialKnown(peer)).finally(() => this.#dials.delete(peer))
    this.#dials.set(peer, dial)
    // Perhaps nobody does.
    dial.catch(() => {})
  }

  /**
   * Connects to an address, with or without `/p2p/<id>`.
   *
   * @throws PeerError whose code and message name the broken step
   */
  async toAddress(address: string): Promise<Connection> {
    const found = await resolveAddress(address)
    let failure: PeerError | undefined
    for (const resolved of found) {
      if (!this.#allowPublic && !isPrivateAddress(resolved)) {
        failure = new PeerError('public-address', `${address}: ${resolved} is a public address`, {
          fix: 'this peer talks to loopback and private addresses only, unless told otherwise',
        })
        continue
      }
      const standing = this.#standingAt(resolved)
      if (standing !== undefined) return standing
      try {
        return await this.#dial(resolved)
      } catch (cause) {
        const step = brokenStep(cause)
        failure = new PeerError(step.code, `${address}: ${step.text}`, { cause, meta: { address } })
      }
    }
    throw failure ?? new PeerError('name-not-found', `${address}: the host name has no address`)
  }

  /** A second dial to the same place would only be turned down as a duplicate. */
  #standingAt(address: string): Connection | undefined {
    const wanted = parseTcpAddress(address)
    if (wanted === undefined) return undefined
    return this.#host.getConnections().find((connection) => {
      if (connection.status !== 'open' || connection.direction !== 'outbound') return false
      const remote = parseTcpAddress(connection.remoteAddr.toString())
      return (
        remote?.host === wanted.host &&
        remote.port === wanted.port &&
        (wanted.peer === undefined || wanted.peer === connection.remotePeer.toString())
      )
    })
  }

  async #dialKnown(peer: string): Promise<Connection> {
    const deadlineMs = performance.now() + REACH_TIMEOUT_MS
    const addresses = await this.#knownAddresses(peer)
    if (addresses.length === 0) {
      throw new PeerError('unreachable', `cannot reach ${peer}: no address of it is known`, { meta: { peer } })
    }
    const broken: BrokenStep[] = []
    const say = (address: string, step: BrokenStep) => void broken.push({ ...step, text: `${address}: ${step.text}` })
    const directDeadlineMs = addresses.some(isRelayed) ? performance.now() + DIRECT_DIAL_TIMEOUT_MS : deadlineMs
    for (const address of addresses) {
      const leftMs = (isRelayed(address) ? deadlineMs : directDeadlineMs) - performance.now()
      if (leftMs <= 0) {
        say(address, { code: 'timeout', text: 'not tried, out of time' })
        continue
      }
      try {
        const connection = await this.#dial(`${address}/p2p/${peer}`, Math.min(leftMs, ADDRESS_DIAL_TIMEOUT_MS))
        this.#book.learn(peer, [address])
        return connection
      } catch (error) {
        const standing = this.connectionTo(peer)
        if (standing !== undefined) return standing
        say(address, brokenStep(error))
      }
    }
    // A loopback address of a peer on another machine leads to whoever listens here: the peer does not.
    const isNotThere = ({ code }: BrokenStep) => code === 'refused' || code === 'wrong-peer' || code === 'self'
    const refused = broken.some(({ code }) => code === 'refused') && broken.every(isNotThere)
    throw new PeerError('unreachable', `cannot reach ${peer}: ${broken.map(({ text }) => text).join('; ')}`, {
      meta: { peer, addresses, refused },
    })
  }

  async #knownAddresses(peer: string): Promise<string[]> {
    try {
      const stored = await this.#host.peerStore.get(peerIdFromString(peer))
      const more = stored.addresses.map(({ multiaddr: address }) => address.toString())
      const all = [...new Set([...this.#book.of(peer), ...more])]
      return [...all.filter((text) => !isRelayed(text)), ...all.filter(isRelayed)]
    } catch (error) {
      if (error instanceof Error && error.name === 'NotFoundError') return [...this.#book.of(peer)]
      throw new PeerError('bad-address', `${peer} is not a peer id`, { cause: error })
    }
  }

  async #dial(address: string, timeoutMs = ADDRESS_DIAL_TIMEOUT_MS): Promise<Connection> {
    this.#counters.add('dials_total')
    try {
      if (isRelayed(address)) await this.#loadRelaying()
      return await this.#host.dial(multiaddr(address), { signal: AbortSignal.timeout(Math.ceil(timeoutMs)) })
    } catch (error) {
      this.#counters.add('dials_failed_total')
      throw error
    }
  }
}
