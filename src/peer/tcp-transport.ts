/** libp2p's TCP transport, with the junk counted that strangers send to the listening port. */
import type { Transport, Upgrader } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { TCPComponents } from '@libp2p/tcp'
import type { Counters } from './counters.ts'

/** Junk, silence and strangers turned away all end in a failed upgrade, which libp2p tells nobody about. */
export function tcpTransport(counters: Counters): (components: TCPComponents) => Transport {
  return (components) => {
    const transport = tcp()(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) =>
      createListener({ ...options, upgrader: countingFailures(options.upgrader, counters) })
    return transport
  }
}

function countingFailures(upgrader: Upgrader, counters: Counters): Upgrader {
  const counting = Object.create(upgrader) as Upgrader
  counting.upgradeInbound = async (...args: Parameters<Upgrader['upgradeInbound']>) => {
    try {
      return await upgrader.upgradeInbound(...args)
    } catch (error) {
      counters.add('inbound_upgrades_failed_total')
      throw error
    }
  }
  return counting
}
