/**
 * The addresses of this machine change while it runs: a cable, a lease, another wireless network, a resume from sleep.
 * Node has no news of that, so the list is read every two seconds, which takes 0.06 ms, and compared.
 */
import { networkInterfaces } from 'node:os'
import { multiaddr } from '@multiformats/multiaddr'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import { parseTcpAddress, plainHost } from './addresses.ts'
import type { HostParts } from './host.ts'

/** Between two looks at the machine's addresses. */
const LOOK_MS = 2_000

/** What following the machine's addresses needs of the rest. */
export interface LocalAddressesOptions {
  readonly inner: HostParts
  /** Where to listen now, asked again after every change; undefined when that was said once and for all. */
  readonly wanted: (() => readonly string[]) | undefined
  /** Ends the connections that leave by an address which this machine has no more. */
  readonly abortFrom: (isGone: (host: string) => boolean) => void
  /** All is as the machine is now. */
  readonly onChanged: () => void
  readonly log: Logger
  /** The addresses of this machine. @default of `os.networkInterfaces` */
  readonly hosts?: () => string[]
}

/** The hosts, without zones, that this machine can be addressed by. */
export function localHosts(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap(({ address }) => plainHost(address) ?? []),
  )
}

/** Keeps listeners and connections true to the machine's addresses. */
export class LocalAddresses {
  readonly #options: LocalAddressesOptions
  readonly #hosts: () => string[]
  #seen = ''
  #timer: NodeJS.Timeout | undefined
  #following: Promise<void> | undefined

  constructor(options: LocalAddressesOptions) {
    this.#options = options
    this.#hosts = options.hosts ?? localHosts
  }

  start(): void {
    this.#seen = fingerprint(this.#hosts())
    this.#timer = setInterval(() => this.look(), LOOK_MS)
    this.#timer.unref()
  }

  /** Resolves when nothing is being changed any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    await this.#following
  }

  /** Compares, and follows what changed. One at a time: what changes meanwhile is seen by the next look. */
  look(): void {
    if (this.#timer === undefined || this.#following !== undefined) return
    const hosts = this.#hosts()
    const now = fingerprint(hosts)
    if (now === this.#seen) return
    this.#seen = now
    this.#following = this.#follow(new Set(hosts))
      .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'could not follow new addresses'))
      .finally(() => (this.#following = undefined))
  }

  async #follow(hosts: ReadonlySet<string>): Promise<void> {
    const { inner, wanted, abortFrom, onChanged, log } = this.#options
    const { transportManager } = inner
    const isGone = (host: string): boolean => !hosts.has(plainHost(host) ?? host)
    if (wanted === undefined) {
      // A listener on every address does not know that there are new ones; nobody else tells.
      for (const listener of transportManager.getListeners()) {
        inner.events.safeDispatchEvent('transport:listening', { detail: listener })
      }
    } else {
      const places = wanted().filter((text) => !isGone(parseTcpAddress(text)?.host ?? ''))
      const listening = new Set<string>()
      for (const listener of transportManager.getListeners()) {
        const host = parseTcpAddress(listener.getAddrs()[0]?.toString() ?? '')?.host
        if (host === undefined) continue
        if (isGone(host)) await listener.close()
        else listening.add(host)
      }
      const missing = places.filter((text) => !listening.has(parseTcpAddress(text)?.host ?? ''))
      for (const place of missing) {
        await transportManager.listen([multiaddr(place)]).catch((error: unknown) => {
          log.warn({ address: place, error: messageOf(error) }, 'cannot listen on a new address of this machine')
        })
      }
    }
    abortFrom(isGone)
    log.info({ addresses: [...hosts] }, 'the addresses of this machine changed')
    onChanged()
  }
}

function fingerprint(hosts: readonly string[]): string {
  return [...new Set(hosts)].toSorted().join(' ')
}
