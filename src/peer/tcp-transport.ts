/**
 * libp2p's TCP transport, with two things mended: what is sent at once leaves in one segment, and the junk is
 * counted that strangers send to the listening port.
 */
import type { MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import type { TCPComponents } from '@libp2p/tcp'
import type { Counters } from './counters.ts'

/** The TCP connections that stand, each with the address of this machine that it leaves by. */
export class TcpConnections {
  readonly #open = new Map<MultiaddrConnection, string>()

  note(connection: MultiaddrConnection): void {
    // What libp2p's class has, though its interface does not show it.
    const { socket } = connection as unknown as { socket?: { localAddress?: string } }
    if (socket?.localAddress === undefined) return
    this.#open.set(connection, socket.localAddress)
    connection.addEventListener('close', () => this.#open.delete(connection), { once: true })
  }

  /** The host of this machine by which the connection to `remote`, a multiaddr with or without `/p2p`, leaves. */
  localHostOf(remote: string): string | undefined {
    for (const [{ remoteAddr }, host] of this.#open) {
      const text = remoteAddr.toString()
      if (remote === text || remote.startsWith(`${text}/p2p/`)) return host
    }
    return undefined
  }

  /** Ends those that leave by a host of which `isGone` is true: the other side cannot be told, and would not answer. */
  abortFrom(isGone: (host: string) => boolean): void {
    for (const [connection, host] of this.#open) {
      if (isGone(host)) connection.abort(new Error(`this machine has no address ${host} any more`))
    }
  }
}

/** To be used in place of `tcp()`. */
export function tcpTransport(
  counters: Counters,
  connections: TcpConnections,
): (components: TCPComponents) => Transport {
  const mended = (upgrader: Upgrader): Upgrader => mend(upgrader, counters, connections)
  return (components) => {
    const transport = tcp()(components)
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => createListener({ ...options, upgrader: mended(options.upgrader) })
    const dial = transport.dial.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: mended(options.upgrader) })
    return transport
  }
}

function mend(upgrader: Upgrader, counters: Counters, connections: TcpConnections): Upgrader {
  const own = Object.create(upgrader) as Upgrader
  own.upgradeOutbound = (connection, options) => {
    connections.note(connection)
    return upgrader.upgradeOutbound(joining(connection), options)
  }
  own.upgradeInbound = async (connection, options) => {
    connections.note(connection)
    try {
      return await upgrader.upgradeInbound(joining(connection), options)
    } catch (error) {
      // Junk, silence and strangers turned away all end in a failed upgrade, which libp2p tells nobody about.
      counters.add('inbound_upgrades_failed_total')
      throw error
    }
  }
  return own
}

/** What libp2p's class for a TCP connection has, though its interface does not show it. */
interface Sender {
  sendData(parts: Iterable<Uint8Array> & { subarray(): Uint8Array }): { sentBytes: number; canSendMore: boolean }
}

/**
 * Makes a connection write what it is given in one piece. As it comes it writes part by part, and noise hands it the
 * two bytes of a message's length as a part of their own: a system call, a segment and a wakeup of the other side for
 * each. A message has 64 KiB at most; joining it costs less than writing twice.
 */
function joining(connection: MultiaddrConnection): MultiaddrConnection {
  const sender = connection as unknown as Sender
  const sendData = sender.sendData.bind(connection)
  sender.sendData = (parts) => {
    const whole = parts.subarray()
    return sendData({ subarray: () => whole, [Symbol.iterator]: () => [whole][Symbol.iterator]() })
  }
  return connection
}
