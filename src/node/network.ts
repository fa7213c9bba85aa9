/** The daemon's place in the network: where it listens, and who handles what comes in. */
import type { TaskDriver } from '../drivers/driver.ts'
import type { MeshState } from '../mesh/types.ts'
import { privateListenAddresses } from '../peer/addresses.ts'
import { createPeer } from '../peer/create-peer.ts'
import type { Peer, PeerHandlers, PeerIdText } from '../peer/peer.ts'
import type { Logger } from '../util/logger.ts'
import type { BundleStore } from './bundle-store.ts'
import type { EventHub } from './events.ts'
import type { Inbound } from './inbound.ts'
import type { KnownPeers } from './known-peers.ts'
import { Lanes, SERVE_BOUNDS } from './lanes.ts'
import type { LinkSpeeds } from './link-speeds.ts'
import type { DaemonOptions } from './options.ts'
import { untilRun } from './run-watch.ts'
import type { KeptRuns } from './runs.ts'
import { serveBundle } from './streams/bundle-stream.ts'
import { serveLogs } from './streams/log-stream.ts'

/** Parts that serve the network. */
export interface Servants {
  readonly inbound: Inbound
  readonly bundles: BundleStore
  readonly driver: TaskDriver
  readonly mesh: MeshState
  readonly events: EventHub
  readonly keptRuns: KeptRuns
  /** Where this node listens has changed. */
  readonly onAddresses: () => void
  readonly speeds: LinkSpeeds
  /** Whether a peer may link at all. */
  readonly mayLink: (peer: PeerIdText) => boolean
}

function handlersOf(servants: Servants): PeerHandlers {
  const { inbound, bundles, driver, mesh, keptRuns, speeds } = servants
  const serving = new Lanes(SERVE_BOUNDS)
  return {
    onPeerUp: (peer) => inbound.onPeerUp(peer),
    onPeerDown: (peer) => inbound.onPeerDown(peer),
    onFrame: (peer, frame) => inbound.onFrame(peer, frame),
    onAddresses: () => servants.onAddresses(),
    onGossip: (topic, data, from, ward) => inbound.onGossip(topic, data, from, ward),
    onStream: (kind, peer, stream) => {
      if (kind === 'bundle')
        return void serveBundle(stream, bundles, {
          enter: (signal) => serving.enter(peer, undefined, signal),
          meter: speeds.meter(peer, 'send'),
        })
      const mayRead = (runId: string) =>
        (mesh.negotiation.contracts.get(runId) ?? keptRuns.get(runId))?.submitter === peer
      void serveLogs(stream, { driver, mayRead, untilRun: (runId, signal) => untilRun(servants, runId, signal) })
    },
  }
}

/** Every address of this machine, for those who asked for it by `--public`. */
const EVERYWHERE = (port: number) => [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`]

/** Where the porch listens: on the same addresses of this machine as the mesh, at a port of its own. */
export function porchAddresses(options: DaemonOptions, port: number): string[] {
  if (options.listen !== undefined)
    return options.listen.map((address) => address.replace(/\/tcp\/\d+$/, `/tcp/${port}`))
  return options.publicNetwork === true ? EVERYWHERE(port) : privateListenAddresses(port)
}

/** The port for it: the one above that of the mesh, so that whoever opens a firewall knows which. */
export function porchPort(meshAddresses: readonly string[]): number {
  const port = Number(/\/tcp\/(\d+)/.exec(meshAddresses[0] ?? '')?.[1] ?? 0)
  return port === 0 || port >= 65_535 ? 0 : port + 1
}

/** Where members were reached before. */
export type Remembered = ReturnType<KnownPeers['restore']>

/**
 * Makes the peer on a port. The peer is not started.
 * @param port for the default listen addresses; `options.listen` overrides it
 */
export function makePeer(
  options: DaemonOptions,
  port: number,
  cluster: string,
  seed: Uint8Array,
  remembered: Remembered,
  servants: Servants,
  log: Logger,
): Peer {
  const addresses = options.publicNetwork === true ? EVERYWHERE(port) : () => privateListenAddresses(port)
  return createPeer(
    {
      seed,
      cluster,
      listen: options.listen ?? addresses,
      bootstrap: options.join ?? [],
      remembered,
      mdns: options.mdns ?? true,
      dht: options.dht ?? false,
      allowPublic: options.publicNetwork ?? false,
      ...(options.relay === undefined ? {} : { relay: options.relay }),
      allowPeer: servants.mayLink,
      log,
      debug: options.logLevel === 'debug',
    },
    handlersOf(servants),
  )
}

/**
 * The port to listen on: the one asked for, or the usual one; any free one instead when nobody asked and the usual one
 * is taken on loopback.
 */
export async function choosePort(options: DaemonOptions, usual: number, log: Logger): Promise<number> {
  if (options.port !== undefined || options.listen !== undefined) return options.port ?? 0
  const { createServer } = await import('node:net')
  const taken = await new Promise<boolean>((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(true))
    probe.listen({ host: '127.0.0.1', port: usual }, () => probe.close(() => resolve(false)))
  })
  if (!taken) return usual
  log.warn({ port: usual }, 'the usual port is taken: listening on a free one instead')
  return 0
}
